"""One line of an OTLP JSON file, decoded.

The encoding is protobuf's JSON mapping with two changes (ids are hexadecimal, enums are numbers), from the
"OpenTelemetry Protocol File Exporter" and "OTLP" specifications.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

from groundhog_otel.store.model import Buckets, Event, Kind, Point, Process, Span, Status, Value
from groundhog_otel.store.otlp_json import (
    MalformedError,
    attributes_of,
    choice,
    identifier,
    integer,
    items,
    mapping,
    number,
    parent,
    parse,
    text,
)

__all__ = (
    "KINDS",
    "STATUSES",
    "HistogramSample",
    "MalformedError",
    "Metrics",
    "Sample",
    "decode_metrics",
    "decode_spans",
    "events_of",
    "spans_and_sources",
    "spans_of",
)

KINDS: Final[tuple[Kind, ...]] = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""By their numbers."""
STATUSES: Final[tuple[Status, ...]] = ("unset", "ok", "error")
"""By their numbers."""
_TEMPORALITIES: Final[tuple[Literal["unspecified", "delta", "cumulative"], ...]] = (
    "unspecified",
    "delta",
    "cumulative",
)
_PASSED_OVER: Final = ("exponentialHistogram", "summary")
_NOTHING_RECORDED: Final = 1
"""A flag of points: the series has ended, and this is no value of it."""


class Sample(NamedTuple):
    """One point, and the series it belongs to."""

    name: str
    unit: str
    process: Process
    attributes: tuple[tuple[str, Value], ...]
    point: Point
    delta: bool = False
    """Whether it counts since the point before it."""


class HistogramSample(NamedTuple):
    """One point of a histogram with explicit bounds, and the series it belongs to."""

    name: str
    unit: str
    process: Process
    attributes: tuple[tuple[str, Value], ...]
    boundaries: tuple[float, ...]
    """Upper ends of the buckets, each included; the last bucket has none."""
    start_ns: int
    """When counting began; nanoseconds since 1970, 0 where nobody says."""
    delta: bool
    """Whether it counts since the point before it, rather than since ``start_ns``."""
    buckets: Buckets


@dataclass
class Metrics:
    """What one line holds."""

    samples: list[Sample] = field(default_factory=list)
    histograms: list[HistogramSample] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    """The name of the metric, for each point of an exponential histogram or a summary."""


def decode_spans(line: bytes, *, pid: int | None = None) -> list[Span]:
    """Return the spans of one line; ``pid`` is the process that wrote it, unless the line itself says.

    Raises:
        MalformedError: the line is cut off, or is not OTLP JSON.
    """
    return spans_of(parse(line), pid=pid)


def spans_of(message: dict[str, Any], *, pid: int | None = None) -> list[Span]:
    """Return the spans of a message that is parsed already, as :func:`decode_spans` does.

    Raises:
        MalformedError: it is not OTLP JSON.
    """
    return [span for span, _ in spans_and_sources(message, pid=pid)]


def spans_and_sources(message: dict[str, Any], *, pid: int | None = None) -> Iterator[tuple[Span, dict[str, Any]]]:
    """Yield the spans of a parsed message, each with the object that it was made of.

    Raises:
        MalformedError: it is not OTLP JSON.
    """
    for group in items(message, "resourceSpans"):
        process = _process(group, pid)
        for scoped in items(group, "scopeSpans"):
            scope = text(mapping(scoped.get("scope")).get("name"))
            for raw in items(scoped, "spans"):
                yield _span(raw, process, scope), raw


def events_of(owner: dict[str, Any]) -> tuple[Event, ...]:
    """Return the events of a span.

    Raises:
        MalformedError: they are none.
    """
    return tuple(
        Event(text(one.get("name")), integer(one.get("timeUnixNano")), attributes_of(one))
        for one in items(owner, "events")
    )


def decode_metrics(line: bytes, *, pid: int | None = None) -> Metrics:
    """Return the points of one line: of gauges, of sums, and of histograms with explicit bounds.

    Raises:
        MalformedError: the line is cut off, or is not OTLP JSON.
    """
    found = Metrics()
    for group in items(parse(line), "resourceMetrics"):
        process = _process(group, pid)
        for scoped in items(group, "scopeMetrics"):
            for metric in items(scoped, "metrics"):
                found.samples.extend(_samples(metric, process))
                found.histograms.extend(_histograms(metric, process))
                for kind in _PASSED_OVER:
                    points = items(mapping(metric.get(kind)), "dataPoints")
                    found.passed_over += [text(metric.get("name"))] * len(points)
    return found


def _process(group: dict[str, Any], pid: int | None) -> Process:
    attributes = attributes_of(mapping(group.get("resource")))
    own = attributes.get("process.pid")
    return Process(str(attributes.get("service.name") or "unknown_service"), own if isinstance(own, int) else pid)


def _span(raw: dict[str, Any], process: Process, scope: str) -> Span:
    return Span(
        trace_id=identifier(raw.get("traceId"), 32),
        span_id=identifier(raw.get("spanId"), 16),
        parent_id=parent(raw.get("parentSpanId")),
        name=text(raw.get("name")),
        kind=choice(raw.get("kind", 0), KINDS, "SPAN_KIND_"),
        start_ns=integer(raw.get("startTimeUnixNano")),
        end_ns=integer(raw.get("endTimeUnixNano")),
        process=process,
        scope=scope,
        status=choice(mapping(raw.get("status")).get("code", 0), STATUSES, "STATUS_CODE_"),
        attributes=attributes_of(raw),
        events=events_of(raw),
    )


def _samples(metric: dict[str, Any], process: Process) -> Iterator[Sample]:
    name, unit = text(metric.get("name")), text(metric.get("unit"))
    data = mapping(metric.get("sum") or metric.get("gauge"))
    delta = _is_delta(data)
    for raw in _points(data):
        value = number(raw)
        if value is not None:
            attributes = tuple(sorted(attributes_of(raw).items()))
            yield Sample(name, unit, process, attributes, Point(integer(raw.get("timeUnixNano")), value), delta)


def _histograms(metric: dict[str, Any], process: Process) -> Iterator[HistogramSample]:
    name, unit = text(metric.get("name")), text(metric.get("unit"))
    data = mapping(metric.get("histogram"))
    delta = _is_delta(data)
    for raw in _points(data):
        boundaries, counts = _buckets(raw)
        yield HistogramSample(
            name=name,
            unit=unit,
            process=process,
            attributes=tuple(sorted(attributes_of(raw).items())),
            boundaries=boundaries,
            start_ns=integer(raw.get("startTimeUnixNano") or 0),
            delta=delta,
            buckets=Buckets(
                time_ns=integer(raw.get("timeUnixNano")),
                count=sum(counts),
                sum=number({"asDouble": raw.get("sum")}) or 0.0,
                counts=counts,
            ),
        )


def _buckets(raw: dict[str, Any]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return boundaries and counts; a histogram without buckets has counted everything in one."""
    boundaries, counts = raw.get("explicitBounds") or [], raw.get("bucketCounts") or []
    if not counts and not boundaries:
        return (), (integer(raw.get("count") or 0),)
    if not isinstance(boundaries, list) or not isinstance(counts, list) or len(counts) != len(boundaries) + 1:
        raise MalformedError("the buckets of a histogram do not fit its bounds")
    found = [number({"asDouble": bound}) for bound in boundaries]
    finite = tuple(bound for bound in found if bound is not None)
    if len(finite) != len(found) or any(low >= high for low, high in pairwise(finite)):
        raise MalformedError("the bounds of a histogram do not ascend")
    return finite, tuple(integer(count) for count in counts)


def _points(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for raw in items(data, "dataPoints"):
        if not integer(raw.get("flags") or 0) & _NOTHING_RECORDED:
            yield raw


def _is_delta(data: dict[str, Any]) -> bool:
    raw = data.get("aggregationTemporality", 0)
    return choice(raw, _TEMPORALITIES, "AGGREGATION_TEMPORALITY_") == "delta"
