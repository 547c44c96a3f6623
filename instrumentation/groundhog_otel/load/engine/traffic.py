"""Starts rounds when they are due, and takes each through its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from itertools import chain, count
from random import Random
from typing import Any, Final

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.connections import Connection
from groundhog_otel.load.engine.recorder import Flight, Recorder
from groundhog_otel.load.engine.rounds import judged
from groundhog_otel.load.engine.schedule import Round, Share, rounds_due, rounds_of_user, thinking
from groundhog_otel.load.engine.self_check import OwnCheck
from groundhog_otel.load.engine.trace import TraceContexts
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.scenarios.templates import TemplateError, fill
from groundhog_otel.load.session import Answer, Session

__all__ = ("MOST_UNDER_WAY", "Traffic")

MOST_UNDER_WAY: Final = 50_000
"""Rounds of one process at once. More would be a matter of memory; they wait, and the self-check tells of it."""
_BURST: Final = 10
"""Rounds that are begun one after the other when they are late, before answers are read again."""
_CANCEL_S: Final = 3.0
_PAUSE_S: Final = 0.01
_UNFINISHED: Final = Answer(None, "timeout", "unfinished", "there was no answer when the test was over")


class Traffic:
    """The requests of one process: all of a share of a test. Times are nanoseconds of the clock."""

    def __init__(
        self,
        config: LoadTestConfig,
        share: Share,
        *,
        connections: Sequence[Connection],
        recorder: Recorder,
        own: OwnCheck,
        clock: Clock,
        contexts: TraceContexts,
        begin_ns: int,
    ) -> None:
        self._config, self._share = config, share
        self._connections = connections
        self._recorder, self._own, self._clock, self._contexts = recorder, own, clock, contexts
        self._begin_ns = begin_ns
        self._from_ns = begin_ns + round(config.warm_up * 1e9)
        self._end_ns = self._from_ns + round(config.duration * 1e9)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._rounds: Iterator[Round] = iter(())
        self._room = asyncio.Event()
        self._taken: dict[int, Iterator[int]] = {}
        self._flights: set[Flight] = set()
        self._dispatched: dict[int, Round] = {}
        """Rounds whose task has not run yet, by their numbers."""
        self.in_flight = 0
        """Requests that were sent and have no answer yet."""
        self.unfinished = 0
        self.schedule_ns = begin_ns
        """How far the schedule is done: when the last round was due that was begun."""
        self._next_ns: int | None = None
        self._dispatcher: asyncio.Task[Any] | None = None
        self.due = 0
        """Requests that were due, those of the warm-up included."""

    def begin(self) -> None:
        """Start; what is started goes on until :meth:`end`."""
        if self._config.arrivals is not None:
            self._rounds = rounds_due(self._config, self._config.test_scenarios, self._share)
            self._dispatcher = self._start(self._open_model())
        else:
            for user, connection in zip(self._share.users(self._config), self._connections, strict=True):
                self._start(self._user(user, connection))

    def go(self, one: Round, connection: Connection, due_ns: int) -> asyncio.Task[Any]:
        """Go through a round that somebody else has decided on, and return its task."""
        return self._start(self._round(one, connection, due_ns))

    @property
    def waiting(self) -> bool:
        """Whether a request is under way, or waits for its session; else nothing is but thinking."""
        return bool(self._flights)

    def start_no_more(self, end_ns: int) -> None:
        """End the schedule: what is due at ``end_ns`` or later is not started any more."""
        if end_ns < self._end_ns and self._dispatcher is not None:
            self._dispatcher.cancel()
        self._end_ns = min(self._end_ns, end_ns)

    async def idle(self) -> None:
        """Wait until everything that was started has ended by itself."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self) -> None:
        """Give up what is under way, and count it; also the rounds that were due and not even begun."""
        now_ns = self._clock.now_ns()
        for flight in self._flights:
            self._give_up(flight, now_ns)
        self._flights.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:  # a client that is cancelled tells its server, and some wait for that
            await asyncio.wait(tasks, timeout=_CANCEL_S)
        for one in (*self._dispatched.values(), *self._left()):
            step = one.scenario.steps[0]
            due_ns = self._due_ns(one)
            self._recorder.due(due_ns)
            self._give_up(Flight(one.scenario.name, step, step.name, due_ns), now_ns)

    def _left(self) -> Iterator[Round]:
        """Yield the rounds that were due and not even dispatched."""
        for one in self._rounds:
            due_ns = self._due_ns(one)
            if due_ns >= self._end_ns:
                return
            self._own.due += due_ns >= self._from_ns
            yield one

    def behind_ns(self, now_ns: int) -> int:
        """Return how long the next round of the schedule has been due."""
        return 0 if self._next_ns is None else max(now_ns - self._next_ns, 0)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "a round failed", "exception": error})

    async def _open_model(self) -> None:
        users = len(self._connections)
        for number in count():
            one = next(self._rounds, None)
            if one is None:
                self._next_ns = None
                return
            self._next_ns = due_ns = self._due_ns(one)
            try:
                await self._clock.until(due_ns)
                if number % _BURST == 0:
                    await asyncio.sleep(0)
                while len(self._tasks) > MOST_UNDER_WAY:
                    self._room.clear()
                    await self._room.wait()
            except asyncio.CancelledError:
                self._rounds = chain((one,), self._rounds)
                raise
            self.schedule_ns = due_ns
            self.due += 1
            self._own.due += due_ns >= self._from_ns
            self._dispatched[one.number] = one
            # While users are still starting, those that have started do it all.
            ramp_ns = self._config.ramp_up_period * 1e9
            started = min(users, 1 + int(users * (due_ns - self._begin_ns) / ramp_ns)) if ramp_ns else users
            self._start(self._round(one, self._connections[number % started], due_ns))

    async def _user(self, user: int, connection: Connection) -> None:
        late_s = self._config.ramp_up_period * user / self._config.concurrent_users
        due_ns = self._begin_ns + round(late_s * 1e9)
        await self._clock.until(due_ns)
        if due_ns >= self._end_ns:
            return
        for one in rounds_of_user(self._config, self._config.test_scenarios, user, self._taken, self._share):
            due_ns = await self._round(one, connection, due_ns)
            if due_ns >= self._end_ns:
                return

    async def _round(self, one: Round, connection: Connection, due_ns: int) -> int:
        """Go through a scenario; return when the next one is due."""
        self._dispatched.pop(one.number, None)
        variables = dict(one.row)
        draw: Random | None = None
        for number, step in enumerate(one.scenario.steps):
            if step.think:
                draw = draw or Random(one.seed)  # noqa: S311 - it is to be reproducible
                due_ns += round(thinking(step.think, draw) * 1e9)
            if due_ns >= self._end_ns:
                return due_ns
            if step.think:
                await self._clock.until(due_ns)
                if due_ns >= self._end_ns:  # it was ended meanwhile
                    return due_ns
            flight = Flight(one.scenario.name, step, step.name, due_ns)
            due_ns, went_well = await self._request(flight, connection, variables, first=number == 0)
            if not went_well:
                break
        return due_ns

    async def _request(
        self, flight: Flight, connection: Connection, variables: dict[str, Any], *, first: bool
    ) -> tuple[int, bool]:
        begun_ns = self._clock.now_ns()
        if flight.due_ns >= self._from_ns:
            self._own.late(begun_ns - flight.due_ns)
            self._own.begun += first and begun_ns < self._end_ns
        self._recorder.due(flight.due_ns)
        self.due += not first
        timeout_s = flight.step.timeout or self._config.request_timeout
        self._flights.add(flight)
        session = await connection.session(timeout_s)
        answer = await self._sent(flight, session, variables, timeout_s)
        ended_ns = self._clock.now_ns()
        if flight not in self._flights:  # it was given up
            raise asyncio.CancelledError
        self._flights.remove(flight)
        answer = judged(answer, flight.step, variables)
        self._recorder.ended(flight, ended_ns, answer)
        if answer.error == "transport":
            connection.look()
        return ended_ns, answer.error is None

    async def _sent(
        self, flight: Flight, session: Session | None, variables: dict[str, Any], timeout_s: float
    ) -> Answer:
        if session is None:
            return Answer(None, "transport", "not connected", f"there was no session within {timeout_s:g} s")
        step = flight.step
        try:
            arguments, target = fill(step.arguments, variables), fill(step.target, variables)
        except TemplateError as error:
            await asyncio.sleep(_PAUSE_S)  # users whose rounds fail at once would keep this process busy
            return Answer(None, "assertion", "template", str(error))
        flight.trace_id, flight.span_id, meta = self._contexts.next()
        flight.sent_ns = self._clock.now_ns()
        self._recorder.started += 1
        self.in_flight += 1
        try:
            return await session.request(step.method, target, arguments, meta=meta, timeout_s=timeout_s)
        except Exception as error:  # a session is not to raise; if it does, the test goes on
            return Answer(None, "transport", type(error).__name__, str(error))
        finally:
            self.in_flight -= 1

    def _give_up(self, flight: Flight, now_ns: int) -> None:
        if flight.due_ns >= self._from_ns:
            self.unfinished += 1
        self._recorder.ended(flight, now_ns, _UNFINISHED)

    def _due_ns(self, one: Round) -> int:
        return self._begin_ns + round(one.due_s * 1e9)
