"""What a load test has measured: exactly what is written as JSON, merged across workers, compared and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from groundhog_otel.load.session import ServerFacts

__all__ = ("UNFINISHED", "LoadResult", "Lost", "OperationResult", "Request", "SelfCheck", "Window")

UNFINISHED: Final = "timeout:unfinished"
"""The error of a request that had no answer when the test was over."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that is remembered by itself: among the slowest, or drawn at random."""

    operation: str
    scenario: str
    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """Of the client's span, which the server's is a child of."""
    intended_ns: int
    """When it was due; nanoseconds since 1970, as the others."""
    sent_ns: int
    written_ns: int | None
    read_ns: int | None
    ended_ns: int
    error: str | None = None
    """``class`` or ``class:detail``."""

    @property
    def response_s(self) -> float:
        """From the moment it was due."""
        return (self.ended_ns - self.intended_ns) / 1e9

    @property
    def service_s(self) -> float:
        """From the moment it was sent."""
        return (self.ended_ns - self.sent_ns) / 1e9


@dataclass(frozen=True, slots=True)
class OperationResult:
    """All requests of one name, after the warm-up."""

    name: str
    method: str
    response: str
    """HDR histogram of microseconds from the moment each was due, encoded (base 64). Errors are in it as well."""
    service: str
    """The same, from the moment each was sent. One that was given up before that is not in it."""
    count: int
    errors: Mapping[str, int] = field(default_factory=dict)
    """How often each ``class:detail`` occurred."""
    messages: Mapping[str, str] = field(default_factory=dict)
    """For each of them one message that was seen."""


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of the test."""

    start_s: float
    """From the end of the warm-up."""
    length_s: float
    count: int
    errors: int
    response: Mapping[str, str]
    """By operation: HDR histogram of microseconds, encoded."""
    due: int
    """How many were due in it."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """How the generator itself fared, one per worker process."""

    worker: int
    cpu_share: float
    """Of one CPU, over the test: 1 is all that one Python process can use."""
    cpu_share_max: float
    """In the worst window."""
    scheduling_error_p50_s: float
    """How much later than due a request was begun, though nothing but the generator kept it."""
    scheduling_error_p99_s: float
    scheduling_error_max_s: float
    gc_pause_total_s: float
    gc_pause_max_s: float
    due: int = 0
    """Rounds that the schedule wanted after the warm-up; 0 in a closed model."""
    begun: int = 0
    """Those of them that were begun while the schedule went on: fewer when this process could not keep up."""
    scheduling_errors: str = ""
    """HDR histogram of microseconds, encoded: how late each request was begun. Empty: none was."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What a worker has done, or was to do, and is not in the result: it has died."""

    worker: int
    from_s: float
    """From the end of the warm-up, as the next."""
    to_s: float


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A load test, whole or one worker's part of it. Written as JSON."""

    run_id: str
    server: ServerFacts | None
    target: str
    model: str
    """``open`` or ``closed``."""
    config: Mapping[str, Any]
    """The configuration, as JSON."""
    started_at_ns: int
    """Nanoseconds since 1970: the end of the warm-up."""
    duration_s: float
    """Measured: from the end of the warm-up for as long as requests were started."""
    operations: tuple[OperationResult, ...]
    windows: tuple[Window, ...]
    self_checks: tuple[SelfCheck, ...]
    slowest: tuple[Request, ...] = ()
    """The ten of the largest response latency, the slowest first."""
    sample: tuple[Request, ...] = ()
    """Drawn evenly at random from all."""
    connections_peak: int = 0
    """Sessions that were open at once."""
    unfinished: int = 0
    """Requests that had no answer when the test was over, and were given up. They are counted among the operations, as
    errors ``timeout:unfinished``, and with the time that they had taken by then."""
    interrupted: str | None = None
    """Why the test ended early; None when it did not."""
    workers: int = 1
    machine: Mapping[str, str] = field(default_factory=dict)
    """What the generator ran on (:func:`groundhog_otel.load.results.machine.machine_facts`)."""
    events: int | None = None
    """Notifications that the server sent meanwhile; None when they were not counted."""
    reopened: int = 0
    """How often a session that had died was opened anew."""
    shares: int = 1
    """Into how many parts the test was divided beforehand; 1 when nobody has divided it."""
    lost: tuple[Lost, ...] = ()
    begun_apart_s: float = 0.0
    """From the first to the last of the moments at which the parts began."""
