"""One process's part of a load test: opens the sessions, starts what is due when it is due, and ends in time.

An arrival that is due is started whether or not earlier ones have been answered, and its latency counts from when it
was due. So a server that stalls shows in the latency of everything that should have been sent meanwhile
(no "coordinated omission").
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio
from anyio.abc import TaskGroup

from groundhog_otel.load.clock import Clock
from groundhog_otel.load.context import Contexts
from groundhog_otel.load.errors import plainly
from groundhog_otel.load.machine import machine_facts
from groundhog_otel.load.plan import LoadTestConfig, facts
from groundhog_otel.load.progress import Progress
from groundhog_otel.load.recorder import Listener, Recorder
from groundhog_otel.load.result import LoadResult, SelfCheck
from groundhog_otel.load.rounds import Runner
from groundhog_otel.load.schedule import Rounds, Share, users_of
from groundhog_otel.load.seats import Seat, Seats
from groundhog_otel.load.selfcheck import Watch
from groundhog_otel.load.session import ServerFacts, Target

__all__ = ("Engine", "Hooks")

_TICK_S: Final = 0.5
_LEAD_S: Final = 0.05
_LOST_S: Final = 10.0
"""How long the test goes on without any session."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom a test tells what. None of them may wait."""

    progress: Callable[[Progress], None] = lambda _progress: None
    server: Callable[[ServerFacts], None] = lambda _server: None
    """The server has introduced itself."""
    listener: Listener | None = None


class Engine:
    """Runs a share of a test. What it has measured is in its recorder at any time, also after it was interrupted."""

    def __init__(
        self,
        target: Target,
        config: LoadTestConfig,
        *,
        run_id: str,
        share: Share | None = None,
        hooks: Hooks | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self.share = share or Share()
        self.clock = clock or Clock()
        self.hooks = hooks or Hooks()
        self.watch = Watch(self.share.index)
        self.recorder = Recorder(
            seed=config.seed * 1000 + self.share.index, epoch_ns=self.clock.epoch_ns(), listener=self.hooks.listener
        )
        self.server: ServerFacts | None = None
        self.interrupted: str | None = None
        self.connections_peak = 0
        self.ended_ns = 0
        self.check: SelfCheck | None = None
        self.run_id = run_id
        self._users = users_of(config, self.share)
        self._seats = Seats(target, len(self._users))
        self._runner = Runner(
            config, clock=self.clock, contexts=Contexts(run_id), recorder=self.recorder, watch=self.watch
        )
        self._began_ns = 0
        self._stopped = anyio.Event()
        self._due = 0

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._runner.in_flight

    def stop(self, why: str) -> None:
        """End the test now: what is under way is given up, and what was measured is kept."""
        self.interrupted = self.interrupted or why
        self._runner.over = True
        self._stopped.set()

    async def run(self, begin_at: Callable[[], Awaitable[int]] | None = None) -> None:
        """Open the sessions, run the share, close the sessions.

        ``begin_at`` is asked, once all sessions are open, when the warm-up is to begin (nanoseconds since 1970); by
        default at once.

        Raises:
            LoadError: a session cannot be opened, or the server has gone for good.
        """
        with plainly(), self.watch:
            async with anyio.create_task_group() as sitting:
                try:
                    with anyio.CancelScope() as opening:
                        sitting.start_soon(self._cancel_when_stopped, opening)
                        await self._seats.fill(sitting, self._told_of_opening)
                    if not self._stopped.is_set():
                        await self._begin(begin_at)
                finally:
                    self._stopped.set()
                    self._seats.leave()
                    if self.interrupted is not None:
                        sitting.cancel_scope.deadline = anyio.current_time() + 5.0

    def result(self, target: str) -> LoadResult:
        """Return what was measured so far. ``target`` is what the server is called."""
        recorder, counted_from_ns = self.recorder, self.recorder.counted_from_ns
        ended_ns = self.ended_ns or max(recorder.last_ended_ns, counted_from_ns)
        return LoadResult(
            run_id=self.run_id,
            server=self.server,
            target=target,
            model="closed" if self.config.arrivals is None else "open",
            config=facts(self.config),
            started_at_ns=counted_from_ns + recorder.epoch_ns,
            duration_s=(ended_ns - counted_from_ns) / 1e9,
            operations=recorder.operations(),
            windows=recorder.windows.result(),
            self_checks=(self.check or self.watch.result(),),
            slowest=recorder.slowest,
            sample=recorder.sample,
            connections_peak=self.connections_peak,
            unfinished=recorder.unfinished,
            interrupted=self.interrupted,
            machine=machine_facts(),
            shares=self.share.of,
        )

    async def _cancel_when_stopped(self, scope: anyio.CancelScope) -> None:
        await self._stopped.wait()
        scope.cancel()

    def _told_of_opening(self) -> None:
        self.connections_peak = max(self.connections_peak, self._seats.open)
        self.hooks.progress(self._moment(0.0, 0, None))

    async def _begin(self, begin_at: Callable[[], Awaitable[int]] | None) -> None:
        if self._seats.all:
            session = self._seats.all[0].session
            if session is not None:
                self.server = session.server
                self.hooks.server(session.server)
        if begin_at is None:
            self._began_ns = self.clock.now_ns() + int(_LEAD_S * 1e9)
        else:
            self._began_ns = await begin_at() - self.clock.epoch_ns()
        counted_from_ns = self._began_ns + round(self.config.warm_up * 1e9)
        self.recorder.counted_from_ns = counted_from_ns
        until_ns = counted_from_ns + round(self.config.duration * 1e9)
        async with anyio.create_task_group() as ticking:
            ticking.start_soon(self._tick)
            await self._all_rounds(until_ns)
            self.ended_ns = max(self.recorder.last_ended_ns, min(until_ns, self.clock.now_ns()))
            self.check = self.watch.result()
            ticking.cancel_scope.cancel()
        self.hooks.progress(self._moment(0.0, 0, None))

    async def _all_rounds(self, until_ns: int) -> None:
        """Start what is due; then wait for answers as long as one request may take, and give the rest up."""
        async with anyio.create_task_group() as watching:
            async with anyio.create_task_group() as rounds:
                watching.start_soon(self._cancel_when_stopped, rounds.cancel_scope)
                if self.config.arrivals is None:
                    for number, seat in zip(self._users, self._seats.all, strict=True):
                        rounds.start_soon(self._user, number, seat, until_ns)
                else:
                    await self._arrivals(rounds)
                await self.clock.until(until_ns)
                self._runner.over = True
                rounds.cancel_scope.deadline = anyio.current_time() + self._longest_s() + 1.0
            watching.cancel_scope.cancel()

    async def _arrivals(self, rounds: TaskGroup) -> None:
        seats = self._seats.all
        for turn, one in enumerate(Rounds.due(self.config, self.share)):
            due_ns = self._began_ns + round(one.at_s * 1e9)
            await self.clock.until(due_ns)
            self.recorder.due(due_ns)
            self._due += 1
            rounds.start_soon(self._runner.go, one, seats[turn % len(seats)], due_ns)

    def _longest_s(self) -> float:
        """Return how long a request may take."""
        steps = [step for scenario in self.config.test_scenarios for step in scenario.steps]
        return max([self.config.request_timeout, *(step.timeout or 0.0 for step in steps)])

    async def _user(self, number: int, seat: Seat, until_ns: int) -> None:
        """Go through scenarios until the time is over; what has begun then is finished."""
        rounds = Rounds(self.config, number + 1)
        waits_s = self.config.ramp_up_period * number / self.config.concurrent_users
        due_ns = self._began_ns + round(waits_s * 1e9)
        await self.clock.until(due_ns)
        index = 0
        while (now_ns := self.clock.now_ns()) < until_ns and not self._runner.over:
            if index:
                due_ns = now_ns  # the user has just seen the last answer
            await self._runner.go(rounds.next(index, 0.0), seat, due_ns)
            index += 1
            if seat.session is None:
                await anyio.sleep(0.05)  # without a session requests fail at once, and would do nothing else

    async def _tick(self) -> None:
        """Watch: how it goes, whether the warm-up is over, whether there is a server at all."""
        counted, alone_since = False, math.inf
        last, finished, due = self.clock.now_ns(), 0, 0
        while True:
            await anyio.sleep(_TICK_S)
            now = self.clock.now_ns()
            cpu_share = self.watch.lap()
            if not counted and now >= self.recorder.counted_from_ns:
                counted = True
                self.watch.restart()
            elapsed_s = (now - last) / 1e9
            rate = (self.recorder.finished - finished) / elapsed_s
            due_rate = None if self.config.arrivals is None else (self._due - due) / elapsed_s
            last, finished, due = now, self.recorder.finished, self._due
            self.hooks.progress(self._moment(rate, due_rate, cpu_share))
            self.connections_peak = max(self.connections_peak, self._seats.open)
            if self._seats.open:
                alone_since = math.inf
            else:
                alone_since = min(alone_since, now / 1e9)
                if now / 1e9 - alone_since > _LOST_S or self._all_gone():
                    why = next((seat.problem for seat in self._seats.all if seat.problem), "the server has gone")
                    self.stop(f"no session is left: {why}")

    def _all_gone(self) -> bool:
        return all(seat.gave_up for seat in self._seats.all)

    def _moment(self, rate: float, due_rate: float | None, cpu_share: float | None) -> Progress:
        latest = self.recorder.latest()
        some = latest.get_total_count() > 0
        elapsed_s = max(self.clock.now_ns() - self._began_ns, 0) / 1e9 if self._began_ns else 0.0
        notes = []
        if self._seats.reopened:
            notes.append(f"{self._seats.reopened} sessions were lost and opened anew")
        if cpu_share is not None and cpu_share > 0.9:
            notes.append(f"the generator uses {cpu_share:.0%} of a CPU")
        return Progress(
            elapsed_s=elapsed_s,
            remaining_s=max(self.config.warm_up + self.config.duration - elapsed_s, 0.0),
            started=self.recorder.started,
            finished=self.recorder.finished,
            errors=self.recorder.failed,
            in_flight=self._runner.in_flight,
            rate_now=rate,
            due_now=due_rate,
            p50_s=latest.get_value_at_percentile(50) / 1e6 if some else None,
            p99_s=latest.get_value_at_percentile(99) / 1e6 if some else None,
            connections=self._seats.open,
            notes=tuple(notes),
        )
