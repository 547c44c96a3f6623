"""Goes through a round whenever it is told to, for a user who has come and will leave again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import anyio
from anyio.abc import TaskGroup

from groundhog_otel.load.clock import Clock
from groundhog_otel.load.context import Contexts
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.machine import machine_facts
from groundhog_otel.load.plan import LoadTestConfig, Scenario, facts
from groundhog_otel.load.recorder import Listener, Recorder
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.rounds import Runner
from groundhog_otel.load.schedule import Rounds
from groundhog_otel.load.seats import Seat
from groundhog_otel.load.selfcheck import Watch
from groundhog_otel.load.session import ServerFacts, Target

__all__ = ("Driven",)

_AT_ONCE: Final = 20
_TICK_S: Final = 0.5
_STEP: Final = 1009
"""Users of worker 3 are 3, 1012, 2021 …: others than those of any worker, and, as it is a prime, with other rows."""


class _User:
    def __init__(self, seat: Seat, runner: Runner, rounds: Rounds) -> None:
        self.seat, self.runner, self.rounds = seat, runner, rounds
        self.gone_through = 0
        self.scope: anyio.CancelScope | None = None
        """Of the round under way."""


class Driven:
    """One process's part of a test. ``say``, called with what is to be told, and ``on_server`` must not wait."""

    def __init__(
        self,
        target: Target,
        config: LoadTestConfig,
        kinds: Sequence[tuple[Scenario, ...]],
        *,
        run_id: str,
        worker: int,
        listener: Listener,
    ) -> None:
        """``kinds`` are the scenarios of each kind of user."""
        self.say: Callable[..., None] = lambda *_what: None
        self.on_server: Callable[[ServerFacts], None] = lambda _server: None
        self._target, self._kinds, self._run_id = target, kinds, run_id
        self._config = replace(config, test_scenarios=_all(kinds))
        self._clock = Clock()
        self.watch = Watch(worker)
        self.recorder = Recorder(seed=config.seed * 1000 + worker, epoch_ns=self._clock.epoch_ns(), listener=listener)
        self._contexts = Contexts(run_id)
        self._worker = worker
        self._users: dict[int, _User] = {}
        self._came = 0
        self._at_once = anyio.Semaphore(_AT_ONCE)
        self._quiet = anyio.Event()
        self._peak = 0
        self._server: ServerFacts | None = None

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return sum(user.runner.in_flight for user in self._users.values())

    def open(self, tasks: TaskGroup, number: int, kind: int) -> None:
        """Give a user a seat; ``opened`` is said once there is a session, or none to be had."""
        config = replace(self._config, test_scenarios=self._kinds[kind])
        runner = Runner(config, clock=self._clock, contexts=self._contexts, recorder=self.recorder, watch=self.watch)
        rounds = Rounds(config, self._worker + self._came * _STEP + 1)
        self._came += 1
        user = self._users[number] = _User(Seat(self._target, self._at_once), runner, rounds)
        tasks.start_soon(user.seat.keep)
        tasks.start_soon(self._greet, number, user)

    async def _greet(self, number: int, user: _User) -> None:
        try:
            await user.seat.ready()
        except LoadError as error:
            self._users.pop(number, None)
            self.say("opened", number, str(error))
            return
        self._peak = max(self._peak, sum(one.seat.session is not None for one in self._users.values()))
        if self._server is None and user.seat.session is not None:
            self._server = user.seat.session.server
            self.on_server(self._server)
        self.say("opened", number, None)

    def go(self, tasks: TaskGroup, number: int, due_ns: int) -> None:
        """Let a user begin a round, which was due when whoever drives us decided so; ``over`` is said after it."""
        if not self.recorder.counted_from_ns:
            self.recorder.counted_from_ns = due_ns
            self.watch.restart()
        user = self._users[number]
        user.scope = anyio.CancelScope()
        tasks.start_soon(self._round, number, user, user.scope, due_ns)

    async def _round(self, number: int, user: _User, scope: anyio.CancelScope, due_ns: int) -> None:
        with scope:
            one = user.rounds.next(user.gone_through, 0.0)
            user.gone_through += 1
            await user.runner.go(one, user.seat, due_ns)
            if user.seat.session is None:
                await anyio.sleep(0.05)  # without a session requests fail at once, and would do nothing else
        user.scope = None
        if user.runner.over:
            self._forget(number)
        self.say("over", number)

    def leave(self, number: int) -> None:
        """Let a user finish the request under way, if there is one, and close the session."""
        user = self._users.get(number)
        if user is None:
            return
        user.runner.over = True
        if user.scope is None:
            self._forget(number)
        elif not user.runner.in_flight:
            user.scope.cancel()  # thinking

    def _forget(self, number: int) -> None:
        self._users.pop(number).seat.leave()
        if not self._users:
            self._quiet.set()

    async def drained(self) -> None:
        """Let all users leave, and wait for what is under way as long as a request may take."""
        for number in list(self._users):
            self.leave(number)
        self._quiet = anyio.Event()
        if self._users:
            with anyio.move_on_after(self._longest_s() + 1.0):
                await self._quiet.wait()
            for user in self._users.values():
                if user.scope is not None:
                    user.scope.cancel()
            await self._quiet.wait()

    def _longest_s(self) -> float:
        steps = [step for kind in self._kinds for scenario in kind for step in scenario.steps]
        return max([self._config.request_timeout, *(step.timeout or 0.0 for step in steps)])

    async def tick(self) -> None:
        """Watch the process's own CPU, until cancelled."""
        while True:
            await anyio.sleep(_TICK_S)
            self.watch.lap()

    def result(self) -> LoadResult:
        """Return what was measured."""
        recorder = self.recorder
        lasted_ns = max(recorder.last_ended_ns - recorder.counted_from_ns, 0)
        return LoadResult(
            run_id=self._run_id,
            server=self._server,
            target=self._target.name,
            model="closed",
            config=facts(self._config),
            started_at_ns=recorder.counted_from_ns + recorder.epoch_ns,
            duration_s=lasted_ns / 1e9,
            operations=recorder.operations(),
            windows=recorder.windows.result(),
            self_checks=(self.watch.result(),),
            slowest=recorder.slowest,
            sample=recorder.sample,
            connections_peak=self._peak,
            unfinished=recorder.unfinished,
            machine=machine_facts(),
        )


def _all(kinds: Sequence[tuple[Scenario, ...]]) -> tuple[Scenario, ...]:
    found: list[Scenario] = []
    for kind in kinds:
        found += [scenario for scenario in kind if scenario not in found]
    return tuple(found)
