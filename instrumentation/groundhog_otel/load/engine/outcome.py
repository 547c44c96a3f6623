"""What one process has measured, as a result: the same for whoever starts the rounds."""

from __future__ import annotations

from dataclasses import dataclass

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.connections import Connections
from groundhog_otel.load.engine.recorder import Recorder
from groundhog_otel.load.engine.schedule import Share
from groundhog_otel.load.engine.self_check import OwnCheck
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results.facts import config_facts
from groundhog_otel.load.results.machine import machine_facts
from groundhog_otel.load.results.result import LoadResult

__all__ = ("Sources",)


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a process has measured with."""

    run_id: str
    config: LoadTestConfig
    share: Share
    connections: Connections
    recorder: Recorder
    own: OwnCheck
    clock: Clock

    def result(
        self, *, until_ns: int, unfinished: int, interrupted: str | None, events: int, shares: int = 1
    ) -> LoadResult:
        """Return the result of a test whose last requests were started at ``until_ns``, by the clock."""
        duration_s = max(until_ns - self.recorder.from_ns, 0) / 1e9
        return LoadResult(
            run_id=self.run_id,
            server=self.connections.server,
            target=self.connections.target.name,
            model="closed" if self.config.arrivals is None else "open",
            config=config_facts(self.config),
            started_at_ns=self.clock.since_1970(self.recorder.from_ns),
            duration_s=duration_s,
            operations=self.recorder.operations(),
            windows=self.recorder.windows.result(duration_s),
            self_checks=(self.own.result(self.share.index),),
            slowest=self.recorder.remembered.slowest,
            sample=self.recorder.remembered.sample,
            connections_peak=self.connections.peak,
            unfinished=unfinished,
            interrupted=interrupted,
            machine=machine_facts(),
            events=events,
            reopened=self.connections.reopened,
            shares=shares,
        )
