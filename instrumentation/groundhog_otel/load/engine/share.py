"""Runs one process's share of a load test, from opening its sessions to an end that is bounded."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.connections import Connection, Connections
from groundhog_otel.load.engine.keeping import Keeper, Kept
from groundhog_otel.load.engine.outcome import Measured, Test
from groundhog_otel.load.engine.progress import Tick
from groundhog_otel.load.engine.recorder import Observer, Recorder
from groundhog_otel.load.engine.schedule import WHOLE, Share
from groundhog_otel.load.engine.self_check import OwnCheck
from groundhog_otel.load.engine.stopping import Stop, unless_stopped
from groundhog_otel.load.engine.ticking import Ticker
from groundhog_otel.load.engine.trace import TraceContexts
from groundhog_otel.load.engine.traffic import Traffic
from groundhog_otel.load.errors import StoppedError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.load.session import Target
from groundhog_otel.load.validation import require_valid
from groundhog_otel.mcp.guard import guarded_error

__all__ = ("GRACE_S", "Gate", "Hooks", "freeze", "run_share")

GRACE_S: Final = 10.0
"""How long answers are waited for when no more requests are started."""
_GRACE_STOPPED_S: Final = 1.0
"""The same, when the test was ended early."""
_SOON_NS: Final = 20_000_000

Gate = Callable[[Clock], Awaitable[int]]
"""Called when all sessions are open; returns when the test begins, in nanoseconds of the clock."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who hears of a test while it runs. None of them may block. What they raise is logged once, and costs nothing."""

    on_tick: Callable[[Tick], None] | None = None
    """About twice a second."""
    on_remembered: Callable[[Request], None] | None = None
    """Each request that enters the slowest ten or the sample, as they are at that moment."""
    on_kept: Callable[[Kept], None] | None = None
    """Whenever a window is over: what has come since the one before."""
    observe: Callable[[Callable[[], int]], Observer | None] | None = None
    """Makes what sees every request, in the process that sends them; it is given a function that returns how many are
    under way. To reach worker processes it has to be picklable."""


async def run_share(
    target: Target,
    config: LoadTestConfig,
    *,
    run_id: str,
    stop: Stop,
    share: Share = WHOLE,
    hooks: Hooks | None = None,
    gate: Gate | None = None,
    clock: Clock | None = None,
) -> LoadResult:
    """Do a share of a test that has scenarios, and return what it has measured.

    What was recorded is returned whatever ends the test: ``stop``, or a server that has died and stays away.

    Raises:
        LoadError: the configuration is wrong, or the server cannot be reached to begin with.
        StoppedError: the test was stopped before it began.
    """
    require_valid(config, share)
    own_clock = Clock() if clock is None else clock
    try:
        run = _Run(target, config, share=share, run_id=run_id, stop=stop, hooks=hooks or Hooks(), clock=own_clock)
        return await run.go(gate or _soon)
    finally:
        if clock is None:
            own_clock.close()


class _Run:
    def __init__(
        self,
        target: Target,
        config: LoadTestConfig,
        *,
        share: Share,
        run_id: str,
        stop: Stop,
        hooks: Hooks,
        clock: Clock,
    ) -> None:
        self._config, self._share, self._run_id = config, share, run_id
        self._stop, self._hooks, self._clock = stop, hooks, clock
        self._own = OwnCheck()
        self._events = self._events_before = 0
        self._connections = Connections(target, gone=stop.tell)
        self._traffic: Traffic | None = None
        self._observer = hooks.observe(self._in_flight) if hooks.observe is not None else None

    async def go(self, gate: Gate) -> LoadResult:
        users = len(self._share.users(self._config))
        frozen = False
        try:
            opened = await unless_stopped(self._connections.open(users), self._stop)
            frozen = freeze()
            begin_ns = await unless_stopped(_awaited(gate(self._clock)), self._stop)
            return await self._test(opened, begin_ns)
        finally:
            self._own.stop()
            if frozen:
                gc.unfreeze()
            await self._connections.close()
            self._close_observer()

    async def _test(self, opened: tuple[Connection, ...], begin_ns: int) -> LoadResult:
        from_ns = begin_ns + round(self._config.warm_up * 1e9)
        end_ns = from_ns + round(self._config.duration * 1e9)
        recorder = self._recorder(from_ns)
        traffic = Traffic(
            self._config,
            self._share,
            connections=opened,
            recorder=recorder,
            own=self._own,
            clock=self._clock,
            contexts=TraceContexts(self._run_id),
            begin_ns=begin_ns,
        )
        self._traffic = traffic
        ticker = Ticker(
            self._config,
            traffic=traffic,
            recorder=recorder,
            connections=self._connections,
            clock=self._clock,
            begin_ns=begin_ns,
        )
        beside = [asyncio.create_task(ticker.run(self._tick)), asyncio.create_task(self._measure(from_ns))]
        try:
            traffic.begin()
            with suppress(StoppedError):
                await unless_stopped(self._clock.until(end_ns), self._stop)
            until_ns = min(self._clock.now_ns(), end_ns)
            self._own.stop()
            self._events = self._connections.notifications - self._events_before
            traffic.start_no_more(until_ns)
            await self._finish(traffic)
        finally:
            await traffic.end()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        self._tick(ticker.tick())
        return self._measured(recorder, until_ns).result(
            Test(self._run_id, self._connections.target.name, self._config, self._share),
            recorder.windows,
            recorder.remembered.sample,
            unfinished=traffic.unfinished,
            interrupted=self._stop.why,
            shares=self._share.count,
        )

    def _measured(self, recorder: Recorder, until_ns: int) -> Measured:
        return Measured.of(recorder, self._own, self._connections, self._clock, until_ns=until_ns, events=self._events)

    async def _finish(self, traffic: Traffic) -> None:
        """Wait for what is under way; less long when the test was stopped, and not at all when told so twice."""
        waits = [asyncio.create_task(traffic.idle()), asyncio.create_task(self._stop.told(insisting=True))]
        try:
            ended, _ = await asyncio.wait(waits, timeout=_GRACE_STOPPED_S, return_when=asyncio.FIRST_COMPLETED)
            if not ended and self._stop.why is None:
                waits.append(asyncio.create_task(self._stop.told()))
                await asyncio.wait(waits, timeout=GRACE_S - _GRACE_STOPPED_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _measure(self, from_ns: int) -> None:
        await self._clock.until(from_ns)
        self._own.start()
        self._events_before = self._connections.notifications

    def _tick(self, tick: Tick) -> None:
        self._own.look()
        if self._hooks.on_tick is not None:
            try:
                self._hooks.on_tick(tick)
            except Exception:
                guarded_error("load.on_tick")

    def _close_observer(self) -> None:
        if self._observer is not None:
            try:
                self._observer.close()
            except Exception:
                guarded_error("load.observer")

    def _in_flight(self) -> int:
        return 0 if self._traffic is None else self._traffic.in_flight

    def _recorder(self, from_ns: int) -> Recorder:
        keeper = Keeper()

        def closed() -> None:
            if self._hooks.on_kept is not None:
                try:
                    self._hooks.on_kept(keeper.record(recorder, self._measured(recorder, self._clock.now_ns())))
                except Exception:
                    guarded_error("load.on_kept")

        recorder = Recorder(
            self._clock,
            from_ns=from_ns,
            duration_s=self._config.duration,
            seed=f"{self._config.seed}/sample/{self._share.index}",
            on_remembered=self._hooks.on_remembered,
            observer=self._observer,
            on_closed=closed,
        )
        recorder.remembered.drawn = None if self._hooks.on_kept is None else []
        return recorder


def freeze() -> bool:
    """Have the garbage collector leave alone what is there by now, unless the program does so itself."""
    if gc.get_freeze_count():
        return False
    gc.collect()
    gc.freeze()
    return True


async def _soon(clock: Clock) -> int:
    return clock.now_ns() + _SOON_NS


async def _awaited(gate: Awaitable[int]) -> int:
    return await gate
