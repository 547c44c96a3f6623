"""Goes through a round whenever it is told to, for a user who has come and will leave again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.connections import Connection, Connections
from groundhog_otel.load.engine.outcome import Measured, Test
from groundhog_otel.load.engine.recorder import Recorder
from groundhog_otel.load.engine.schedule import Round, Share, rounds_of_user
from groundhog_otel.load.engine.self_check import OwnCheck
from groundhog_otel.load.engine.share import GRACE_S, Hooks
from groundhog_otel.load.engine.ticking import TICK_S
from groundhog_otel.load.engine.trace import TraceContexts
from groundhog_otel.load.engine.traffic import Traffic
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.session import Target

__all__ = ("Driven",)

_MOST_WORKERS: Final = 1009
"""How many workers may share the users and the rows: nobody knows beforehand. A prime, so that few rows are many."""
_WINDOWS_S: Final = 600.0
"""What windows are made for, when nobody knows how long the test will take; what comes after is in the last one."""
_ENDLESS_S: Final = 1e9
_AT_ONCE: Final = 32


class _User:
    def __init__(self, traffic: Traffic, connection: Connection, rounds: Iterator[Round]) -> None:
        self.traffic, self.connection, self.rounds = traffic, connection, rounds
        self.round: asyncio.Task[Any] | None = None
        """What is under way."""


class Driven:
    """One process's part of a test. ``say`` is called with what is to be told (:mod:`.order`), and must not wait."""

    def __init__(
        self,
        target: Target,
        config: LoadTestConfig,
        kinds: Sequence[tuple[Scenario, ...]],
        *,
        run_id: str,
        worker: int,
        hooks: Hooks,
        say: Callable[..., None],
    ) -> None:
        """``kinds`` are the scenarios of each kind of user. A duration of 0 stands for one that nobody knows."""
        self._kinds, self._run_id, self._say = kinds, run_id, say
        self._config = replace(config, test_scenarios=_all(kinds))
        self._share = Share(worker, _MOST_WORKERS)
        self._clock, self._own, self._contexts = Clock(), OwnCheck(), TraceContexts(run_id)
        self._observer = hooks.observe(lambda: self.in_flight) if hooks.observe is not None else None
        self._recorder = Recorder(
            self._clock,
            from_ns=0,
            duration_s=config.duration or _WINDOWS_S,
            seed=f"{config.seed}/sample/{worker}",
            on_remembered=hooks.on_remembered,
            observer=self._observer,
        )
        self._connections = Connections(target, gone=self._server_gone)
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._users: dict[int, _User] = {}
        self._came = self._unfinished = 0
        self._taken: list[dict[int, Iterator[int]]] = [{} for _ in kinds]
        self._until_ns = 0
        self._events = self._events_before = 0
        self._interrupted: str | None = None
        self._looking = asyncio.create_task(self._look())
        self._beside: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return sum(user.traffic.in_flight for user in self._users.values())

    def open(self, number: int, kind: int) -> None:
        """Open a session for a user; ``opened`` is said once there is one, or none to be had."""
        self._start(self._open(number, kind))

    async def _open(self, number: int, kind: int) -> None:
        config = replace(self._config, test_scenarios=self._kinds[kind], duration=_ENDLESS_S, arrivals=None)
        connection = Connection(self._connections)
        traffic = Traffic(
            config,
            self._share,
            connections=(connection,),
            recorder=self._recorder,
            own=self._own,
            clock=self._clock,
            contexts=self._contexts,
            begin_ns=self._clock.now_ns(),
        )
        which = self._share.index + self._share.count * self._came
        self._came += 1
        rounds = rounds_of_user(config, config.test_scenarios, which, self._taken[kind], self._share)
        try:
            async with self._at_once:
                await connection.open()
        except LoadError as error:
            self._say(opened=number, problem=str(error))
            return
        self._users[number] = _User(traffic, connection, rounds)
        self._say(opened=number, problem=None)

    def go(self, number: int, due_ns: int) -> None:
        """Have a user begin a round, which was due when whoever drives us decided so; ``over`` is said after it."""
        user = self._users.get(number)
        if user is None:
            return
        if not self._recorder.from_ns:
            self._recorder.from_ns = due_ns
            self._events_before = self._connections.notifications
            self._own.start()
        user.round = user.traffic.go(next(user.rounds), user.connection, due_ns)
        user.round.add_done_callback(lambda _round: self._over(number, user))

    def _over(self, number: int, user: _User) -> None:
        user.round = None
        self._until_ns = self._clock.now_ns()
        self._say(over=number)

    def leave(self, number: int) -> None:
        """Have a user finish the request under way, if there is one, and close the session."""
        user = self._users.pop(number, None)
        if user is not None:
            self._start(self._see_off(user, self._config.request_timeout))

    async def _see_off(self, user: _User, within_s: float) -> None:
        user.traffic.start_no_more(self._clock.now_ns())
        if user.round is not None:
            if user.traffic.waiting:
                await asyncio.wait((user.round,), timeout=within_s)
            await user.traffic.end()
        self._unfinished += user.traffic.unfinished
        user.connection.close()

    async def drained(self) -> None:
        """Let all users leave, and wait for what is under way: no longer than other load tests do."""
        self._own.stop()
        self._events = self._connections.notifications - self._events_before
        leaving = [self._users.pop(number) for number in list(self._users)]
        await asyncio.gather(*(self._see_off(user, GRACE_S) for user in leaving))
        if self._beside:
            await asyncio.wait(self._beside, timeout=GRACE_S)

    async def end(self) -> LoadResult:
        """Close what is open, and return what was measured."""
        await self.drained()
        left = (self._looking, *self._beside)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._connections.close()
        if self._observer is not None:
            await asyncio.to_thread(self._observer.close)
        measured = Measured.of(
            self._recorder, self._own, self._connections, self._clock, until_ns=self._until_ns, events=self._events
        )
        result = measured.result(
            Test(self._run_id, self._connections.target.name, self._config, self._share),
            self._recorder.windows,
            self._recorder.remembered.sample,
            unfinished=self._unfinished,
            interrupted=self._interrupted,
        )
        self._clock.close()
        return result

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _server_gone(self, why: str) -> None:
        if self._interrupted is None:
            self._interrupted = why
            self._say(gone=why)

    async def _look(self) -> None:
        """Watch the CPU that this process itself takes."""
        while True:
            await asyncio.sleep(TICK_S)
            self._own.look()


def _all(kinds: Sequence[tuple[Scenario, ...]]) -> tuple[Scenario, ...]:
    found: list[Scenario] = []
    for kind in kinds:
        found += [scenario for scenario in kind if scenario not in found]
    return tuple(found)
