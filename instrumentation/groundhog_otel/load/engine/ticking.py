"""Tells about twice a second how far a process is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.connections import Connections
from groundhog_otel.load.engine.progress import Progress, Tick, percentiles
from groundhog_otel.load.engine.recorder import Recorder
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.engine.traffic import Traffic
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.report.units import duration

__all__ = ("TICK_S", "Ticker")

TICK_S: Final = 0.5
_BEHIND_NS: Final = 200_000_000


class Ticker:
    """Makes a tick out of what has changed since the one before the last: that is a second."""

    def __init__(
        self,
        config: LoadTestConfig,
        *,
        traffic: Traffic,
        recorder: Recorder,
        connections: Connections,
        clock: Clock,
        begin_ns: int,
    ) -> None:
        self._open = config.arrivals is not None
        self._warm_up_s, self._whole_s = config.warm_up, config.warm_up + config.duration
        self._traffic, self._recorder, self._connections, self._clock = traffic, recorder, connections, clock
        self._begin_ns = begin_ns
        self._before = [(begin_ns, 0, begin_ns, 0)] * 2
        """When, how many had ended, how far the schedule was done, and how many had been due: at the last two ticks."""
        self._last = Tally()

    async def run(self, tell: Callable[[Tick], None]) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            tell(self.tick())

    def tick(self) -> Tick:
        """Return how far this process is."""
        now_ns = self._clock.now_ns()
        recorder, traffic = self._recorder, self._traffic
        ended_ago, ended_then, schedule_then_ns, due_then = self._before[0]
        passed_s = max(now_ns - ended_ago, 1) / 1e9
        scheduled_s = (traffic.schedule_ns - schedule_then_ns) / 1e9
        due_now = (traffic.due - due_then) / scheduled_s if scheduled_s > 0 else 0.0
        recent = Tally(recorder.recent)
        recent.include(self._last)
        self._last, recorder.recent = recorder.recent, Tally()
        self._before = [self._before[1], (now_ns, recorder.finished, traffic.schedule_ns, traffic.due)]
        elapsed_s = max((now_ns - self._begin_ns) / 1e9, 0.0)
        p50_s, p99_s = percentiles(recent)
        progress = Progress(
            elapsed_s=elapsed_s,
            remaining_s=max(self._whole_s - elapsed_s, 0.0),
            started=recorder.started,
            finished=recorder.finished,
            errors=recorder.failed,
            in_flight=traffic.in_flight,
            rate_now=(recorder.finished - ended_then) / passed_s,
            due_now=due_now if self._open else None,
            p50_s=p50_s,
            p99_s=p99_s,
            connections=self._connections.now,
            workers=1,
            notes=self._notes(now_ns, elapsed_s),
        )
        return Tick(progress, recent)

    def _notes(self, now_ns: int, elapsed_s: float) -> tuple[str, ...]:
        notes = []
        if elapsed_s < self._warm_up_s:
            notes.append("warming up: not counted yet")
        behind_ns = self._traffic.behind_ns(now_ns)
        if behind_ns > _BEHIND_NS:
            notes.append(f"the generator is {duration(behind_ns / 1e9)} behind its schedule")
        if self._connections.trouble is not None:
            notes.append(f"a session has died and is opened anew: {self._connections.trouble}")
        return tuple(notes)
