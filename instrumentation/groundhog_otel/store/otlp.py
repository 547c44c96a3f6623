"""One line of an OTLP JSON file, decoded.

The encoding is protobuf's JSON mapping with two changes (ids are hexadecimal, enums are numbers), from the
"OpenTelemetry Protocol File Exporter" and "OTLP" specifications. Writers differ in what they make of it, so 64-bit
integers are taken as strings or numbers, and enums as numbers or names.
"""

from __future__ import annotations

import json
import math
import string
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from groundhog_otel.store.model import Event, Kind, Point, Process, Span, Status, Value

__all__ = (
    "HistogramSample",
    "MalformedError",
    "Sample",
    "decode_histograms",
    "decode_metrics",
    "decode_spans",
    "spans_of",
)

_KINDS: Final[tuple[Kind, ...]] = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final[tuple[Status, ...]] = ("unset", "ok", "error")
_HEX: Final = frozenset(string.hexdigits)
_UINT64: Final = 2**64

T = TypeVar("T", bound=str)


class MalformedError(ValueError):
    """A line is not what it should be; all of it is left out."""


class Sample(NamedTuple):
    """One point, and the series it belongs to."""

    name: str
    unit: str
    process: Process
    attributes: tuple[tuple[str, Value], ...]
    point: Point


class HistogramSample(NamedTuple):
    """One point of a histogram with explicit bounds, and the series it belongs to."""

    name: str
    process: Process
    attributes: tuple[tuple[str, Value], ...]
    start_ns: int
    """When counting began; nanoseconds since 1970."""
    time_ns: int
    total: float
    """Of all values."""
    bounds: tuple[float, ...]
    """Upper ends of the buckets, each included; the last bucket has none."""
    counts: tuple[int, ...]
    """By bucket."""


def decode_spans(line: bytes, *, pid: int | None = None) -> list[Span]:
    """Return the spans of one line; ``pid`` is the process that wrote it, unless the line itself says.

    Raises:
        MalformedError: the line is cut off, or is not OTLP JSON.
    """
    return spans_of(_parse(line), pid=pid)


def spans_of(message: dict[str, Any], *, pid: int | None = None) -> list[Span]:
    """Return the spans of a message that is parsed already, as :func:`decode_spans` does.

    Raises:
        MalformedError: it is not OTLP JSON.
    """
    found: list[Span] = []
    for group in _items(message, "resourceSpans"):
        process = _process(group, pid)
        for scoped in _items(group, "scopeSpans"):
            scope = _text(_mapping(scoped.get("scope")).get("name"))
            found.extend(_span(raw, process, scope) for raw in _items(scoped, "spans"))
    return found


def decode_metrics(line: bytes, *, pid: int | None = None) -> list[Sample]:
    """Return the points of the gauges and sums of one line. Histograms are passed over: spans are exact.

    Raises:
        MalformedError: the line is cut off, or is not OTLP JSON.
    """
    found: list[Sample] = []
    for group in _items(_parse(line), "resourceMetrics"):
        process = _process(group, pid)
        for scoped in _items(group, "scopeMetrics"):
            for metric in _items(scoped, "metrics"):
                found.extend(_samples(metric, process))
    return found


def decode_histograms(line: bytes, name: str, *, pid: int | None = None) -> list[HistogramSample]:
    """Return the points of one line's histograms that are called ``name``; exponential ones are passed over.

    Raises:
        MalformedError: the line is cut off, or is not OTLP JSON.
    """
    found: list[HistogramSample] = []
    for group in _items(_parse(line), "resourceMetrics"):
        process = _process(group, pid)
        for scoped in _items(group, "scopeMetrics"):
            for metric in _items(scoped, "metrics"):
                if _text(metric.get("name")) == name:
                    points = _items(_mapping(metric.get("histogram")), "dataPoints")
                    found.extend(_histogram(raw, name, process) for raw in points)
    return found


def _parse(line: bytes) -> dict[str, Any]:
    try:
        return _mapping(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from None


def _process(group: dict[str, Any], pid: int | None) -> Process:
    attributes = _attributes(_mapping(group.get("resource")))
    own = attributes.get("process.pid")
    return Process(str(attributes.get("service.name") or "unknown_service"), own if isinstance(own, int) else pid)


def _span(raw: dict[str, Any], process: Process, scope: str) -> Span:
    return Span(
        trace_id=_identifier(raw.get("traceId"), 32),
        span_id=_identifier(raw.get("spanId"), 16),
        parent_id=_parent(raw.get("parentSpanId")),
        name=_text(raw.get("name")),
        kind=_choice(raw.get("kind", 0), _KINDS, "SPAN_KIND_"),
        start_ns=_integer(raw.get("startTimeUnixNano")),
        end_ns=_integer(raw.get("endTimeUnixNano")),
        process=process,
        scope=scope,
        status=_choice(_mapping(raw.get("status")).get("code", 0), _STATUSES, "STATUS_CODE_"),
        attributes=_attributes(raw),
        events=tuple(
            Event(_text(one.get("name")), _integer(one.get("timeUnixNano")), _attributes(one))
            for one in _items(raw, "events")
        ),
    )


def _samples(metric: dict[str, Any], process: Process) -> Iterator[Sample]:
    name, unit = _text(metric.get("name")), _text(metric.get("unit"))
    for raw in _items(_mapping(metric.get("sum") or metric.get("gauge")), "dataPoints"):
        value = _number(raw)
        if value is not None:
            attributes = tuple(sorted(_attributes(raw).items()))
            yield Sample(name, unit, process, attributes, Point(_integer(raw.get("timeUnixNano")), value))


def _histogram(raw: dict[str, Any], name: str, process: Process) -> HistogramSample:
    bounds, counts = raw.get("explicitBounds") or [], raw.get("bucketCounts") or []
    if not isinstance(bounds, list) or not isinstance(counts, list) or len(counts) not in (0, len(bounds) + 1):
        raise MalformedError("the buckets of a histogram do not fit its bounds")
    total = _number({"asDouble": raw.get("sum")})
    return HistogramSample(
        name=name,
        process=process,
        attributes=tuple(sorted(_attributes(raw).items())),
        start_ns=_integer(raw.get("startTimeUnixNano") or 0),
        time_ns=_integer(raw.get("timeUnixNano")),
        total=0.0 if total is None else total,
        bounds=tuple(_number({"asDouble": bound}) or 0.0 for bound in bounds),
        counts=tuple(_integer(count) for count in counts),
    )


def _number(raw: dict[str, Any]) -> float | None:
    """Return a point's value; None when it has none, or none that can be reckoned with."""
    value = raw.get("asDouble", raw.get("asInt"))
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise MalformedError(f"{value!r} is not a number") from None
    return number if math.isfinite(number) else None


def _attributes(owner: dict[str, Any]) -> dict[str, Value]:
    return {_text(pair.get("key")): _value(_mapping(pair.get("value"))) for pair in _items(owner, "attributes")}


def _value(raw: dict[str, Any]) -> Value:
    for kind, value in raw.items():
        if kind in ("stringValue", "boolValue", "bytesValue", "doubleValue"):
            return value if isinstance(value, str | bool | int | float) else None
        if kind == "intValue":
            return _integer(value, least=-(2**63))
        if kind == "arrayValue":
            return tuple(_value(item) for item in _items(_mapping(value), "values"))
    return None


def _items(owner: dict[str, Any], key: str) -> list[dict[str, Any]]:
    raw = owner.get(key) or []
    if not isinstance(raw, list):
        raise MalformedError(f"{key} is not a list")
    return [_mapping(item) for item in raw]


def _mapping(raw: object) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise MalformedError("an object was expected")
    return raw


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def _integer(raw: object, *, least: int = 0) -> int:
    try:
        number = int(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else -_UINT64
    except ValueError:
        number = -_UINT64
    if not least <= number < _UINT64:
        raise MalformedError(f"{raw!r:.40} is not a 64-bit integer")
    return number


def _identifier(raw: object, digits: int) -> str:
    if not isinstance(raw, str) or len(raw) != digits or not _HEX.issuperset(raw):
        raise MalformedError(f"{raw!r:.40} is not an id of {digits} hexadecimal digits")
    return raw.lower()


def _parent(raw: object) -> str | None:
    return _identifier(raw, 16) if raw and raw != "0" * 16 else None


def _choice(raw: object, choices: Sequence[T], prefix: str) -> T:
    """Return what an enum's number or name stands for; the first choice for one that is not known."""
    if isinstance(raw, int):
        return choices[raw] if 0 <= raw < len(choices) else choices[0]
    name = _text(raw).removeprefix(prefix).lower()
    return next((choice for choice in choices if choice == name), choices[0])
