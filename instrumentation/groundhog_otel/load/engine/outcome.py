"""What one process has measured, and the result that this makes: the same for whoever starts the rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.connections import Connections
from groundhog_otel.load.engine.recorder import Operation, Recorder
from groundhog_otel.load.engine.schedule import Share
from groundhog_otel.load.engine.self_check import OwnCheck
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.engine.windows import Windows
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results.facts import config_facts
from groundhog_otel.load.results.machine import machine_facts
from groundhog_otel.load.results.result import LoadResult, OperationResult, Request
from groundhog_otel.load.session import ServerFacts

__all__ = ("Measured", "Test")


@dataclass(frozen=True, slots=True)
class Test:
    """Whose result it is."""

    run_id: str
    target: str
    config: LoadTestConfig
    share: Share


@dataclass(frozen=True, slots=True)
class Measured:
    """What a process has counted so far, but for its windows and its sample: quickly pickled."""

    started_at_ns: int
    """Nanoseconds since 1970."""
    duration_s: float
    operations: Mapping[str, Operation]
    own: OwnCheck
    slowest: tuple[Request, ...]
    server: ServerFacts | None
    connections_peak: int
    reopened: int
    events: int

    @classmethod
    def of(
        cls, recorder: Recorder, own: OwnCheck, connections: Connections, clock: Clock, *, until_ns: int, events: int
    ) -> Measured:
        """Return it for a test whose last requests were started at ``until_ns``, by the clock."""
        return cls(
            started_at_ns=clock.since_1970(recorder.from_ns),
            duration_s=max(until_ns - recorder.from_ns, 0) / 1e9,
            operations=recorder.operations,
            own=own,
            slowest=recorder.remembered.slowest,
            server=connections.server,
            connections_peak=connections.peak,
            reopened=connections.reopened,
            events=events,
        )

    def result(
        self,
        test: Test,
        windows: Windows,
        sample: tuple[Request, ...],
        *,
        unfinished: int = 0,
        interrupted: str | None = None,
        shares: int = 1,
    ) -> LoadResult:
        """Return the result that it makes."""
        response, service = windows.response(), windows.service()
        return LoadResult(
            run_id=test.run_id,
            server=self.server,
            target=test.target,
            model="closed" if test.config.arrivals is None else "open",
            config=config_facts(test.config),
            started_at_ns=self.started_at_ns,
            duration_s=self.duration_s,
            operations=tuple(
                OperationResult(
                    name=name,
                    method=one.method,
                    response=response[name].encode(),
                    service=service.get(name, Tally()).encode(),
                    count=one.count,
                    errors=dict(one.errors),
                    messages=dict(one.messages),
                )
                for name, one in sorted(self.operations.items())
            ),
            windows=windows.result(self.duration_s),
            self_checks=(self.own.result(test.share.index),),
            slowest=self.slowest,
            sample=sample,
            connections_peak=self.connections_peak,
            unfinished=unfinished,
            interrupted=interrupted,
            machine=machine_facts(),
            events=self.events,
            reopened=self.reopened,
            shares=shares,
        )
