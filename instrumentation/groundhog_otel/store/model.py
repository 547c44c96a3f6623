"""Telemetry as this package reads it: spans, traces and series of numbers, each with the process it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from groundhog_otel.store.manifest import Manifest

__all__ = (
    "Buckets",
    "Event",
    "Histogram",
    "Kind",
    "Point",
    "Process",
    "Recording",
    "Run",
    "Series",
    "Span",
    "Status",
    "Trace",
    "Unreadable",
    "Value",
)

Value = str | int | float | bool | tuple["Value", ...] | None
Kind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
Status = Literal["unset", "ok", "error"]


@dataclass(frozen=True, slots=True, order=True)
class Process:
    """One process that was watched."""

    service: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened within a span."""

    name: str
    time_ns: int
    """Nanoseconds since 1970."""
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A finished span."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    start_ns: int
    """Nanoseconds since 1970."""
    end_ns: int
    process: Process
    scope: str = ""
    """The instrumentation that made it."""
    status: Status = "unset"
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[Event, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds; 0 when a clock was set back meanwhile."""
        return max(self.end_ns - self.start_ns, 0) / 1e9


@dataclass(frozen=True, slots=True)
class Trace:
    """Every recorded span of one trace, whatever process it comes from."""

    trace_id: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series."""

    time_ns: int
    """Nanoseconds since 1970."""
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A gauge or a sum of one process, under one set of attributes. Values of sums are cumulative."""

    name: str
    unit: str
    process: Process
    attributes: Mapping[str, Value]
    points: tuple[Point, ...]
    """By time."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram as it was at one time, since its start."""

    time_ns: int
    """Nanoseconds since 1970."""
    count: int
    sum: float
    counts: tuple[int, ...]
    """One for each boundary, of values up to and with it, and one for those above the last."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of one process, under one set of attributes. Its values are cumulative."""

    name: str
    unit: str
    process: Process
    attributes: Mapping[str, Value]
    boundaries: tuple[float, ...]
    points: tuple[Buckets, ...]
    """By time."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that was cut off, or is not OTLP JSON, and was left out."""

    file: Path
    line: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run that files belong to."""

    run_id: str
    directory: Path
    manifest: Manifest | None = None
    """None when the files were not written below ``groundhog run``."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the files of one or more runs hold."""

    runs: tuple[Run, ...]
    spans: tuple[Span, ...] = ()
    series: tuple[Series, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    lines: int = 0
    """Lines that were read, unreadable ones included; blank ones not."""
    unreadable: tuple[Unreadable, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """By metric, how many points are left out because this model has nothing for their kind: those of exponential
    histograms and of summaries."""

    def traces(self) -> tuple[Trace, ...]:
        """Return the spans joined by trace, in the order in which traces first appear."""
        by_id: dict[str, list[Span]] = {}
        for span in self.spans:
            by_id.setdefault(span.trace_id, []).append(span)
        return tuple(Trace(trace_id, tuple(spans)) for trace_id, spans in by_id.items())
