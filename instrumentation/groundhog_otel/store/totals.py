"""What many spans, or the histograms made of them, come to: per operation, and per trace."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import add, sub
from typing import Final, Literal

from groundhog_otel.semconv import (
    ERROR_TYPE,
    GEN_AI_PROMPT_NAME,
    GEN_AI_TOOL_NAME,
    MCP_CLIENT_OPERATION_DURATION,
    MCP_METHOD_NAME,
    MCP_SERVER_OPERATION_DURATION,
)
from groundhog_otel.store.model import Buckets, Histogram, Span

__all__ = ("OperationTotals", "TraceTotals", "error_of", "method_of", "totals_of", "totals_of_histograms")

_Side = Literal["client", "server"]
_Group = tuple[str, _Side, str, str]
_METRICS: Final[dict[str, _Side]] = {
    MCP_CLIENT_OPERATION_DURATION: "client",
    MCP_SERVER_OPERATION_DURATION: "server",
}


@dataclass(frozen=True, slots=True)
class OperationTotals:
    """All MCP operations of one name at one side of one service."""

    service: str
    side: _Side
    name: str
    """``{method} {target}``, the span's name."""
    method: str
    count: int
    p50_s: float
    """Seconds, by nearest rank: of spans, the duration of one of them; of a histogram, the upper end of the bucket that
    it is in, infinite above the last."""
    p90_s: float
    p99_s: float
    max_s: float
    errors: tuple[tuple[str, int], ...]
    """Each ``error.type`` and how often, the most frequent first, and by name."""


@dataclass(frozen=True, slots=True)
class TraceTotals:
    """One trace, whatever processes its spans come from."""

    trace_id: str
    spans: int
    start_ns: int
    """Nanoseconds since 1970."""
    duration_s: float
    """From its first start to its last end."""


def method_of(span: Span) -> str | None:
    """Return the MCP method that a span stands for; None when it is not the span of an MCP message."""
    method = span.attributes.get(MCP_METHOD_NAME)
    return method if span.kind in ("client", "server") and isinstance(method, str) and method else None


def error_of(span: Span) -> str | None:
    """Return why a span failed: its ``error.type``, or ``error`` when only its status says so."""
    kind = span.attributes.get(ERROR_TYPE)
    if kind is not None:
        return str(kind)
    return "error" if span.status == "error" else None


def totals_of(spans: Iterable[Span]) -> tuple[OperationTotals, ...]:
    """Return the totals of the MCP spans among ``spans``."""
    durations: dict[_Group, list[float]] = {}
    errors: dict[_Group, Counter[str]] = {}
    for span in spans:
        method = method_of(span)
        if method is not None:
            side: _Side = "client" if span.kind == "client" else "server"
            group = (span.process.service, side, span.name, method)
            durations.setdefault(group, []).append(span.duration_s)
            error = error_of(span)
            errors.setdefault(group, Counter()).update(() if error is None else (error,))
    found = []
    for group, unordered in durations.items():
        ordered = sorted(unordered)
        found.append(_totals(group, len(ordered), ordered.__getitem__, errors[group]))
    return tuple(found)


def totals_of_histograms(histograms: Iterable[Histogram], *, since_ns: int = 0) -> tuple[OperationTotals, ...]:
    """Return the totals of what ``mcp.client.operation.duration`` and its sibling have counted after ``since_ns``.

    What a histogram had counted by its last point before that is taken off.
    """
    counts: dict[tuple[_Group, tuple[float, ...]], Sequence[int]] = {}
    errors: dict[_Group, Counter[str]] = {}
    for one in histograms:
        method, side = one.attributes.get(MCP_METHOD_NAME), _METRICS.get(one.name)
        if side is None or not isinstance(method, str) or not one.points:
            continue
        target = one.attributes.get(GEN_AI_TOOL_NAME) or one.attributes.get(GEN_AI_PROMPT_NAME)
        group = (one.process.service, side, f"{method} {target}" if target else method, method)
        grown = _grown(one.points, since_ns)
        before = counts.get((group, one.boundaries), (0,) * len(grown))
        counts[group, one.boundaries] = tuple(map(add, before, grown))
        error = one.attributes.get(ERROR_TYPE)
        errors.setdefault(group, Counter()).update({} if error is None else {str(error): sum(grown)})
    found = []
    for (group, boundaries), buckets in counts.items():
        total = sum(buckets)
        if total:
            found.append(_totals(group, total, partial(_upper_end, boundaries, buckets), +errors[group]))
    return tuple(found)


def _grown(points: Sequence[Buckets], since_ns: int) -> Sequence[int]:
    before = [point.counts for point in points if point.time_ns <= since_ns]
    last = points[-1].counts
    return tuple(map(sub, last, before[-1])) if before else last


def _upper_end(boundaries: Sequence[float], buckets: Sequence[int], rank: int) -> float:
    seen = 0
    for end, count in zip((*boundaries, math.inf), buckets, strict=True):
        seen += count
        if seen > rank:
            return end
    return math.inf


def _totals(group: _Group, count: int, value_at: Callable[[int], float], errors: Counter[str]) -> OperationTotals:
    # The smallest value that so many percent of the values do not exceed, counted from 0; in whole numbers, so exact.
    p50_s, p90_s, p99_s, max_s = (value_at((count * percent + 99) // 100 - 1) for percent in (50, 90, 99, 100))
    by_frequency = tuple(sorted(errors.items(), key=lambda pair: (-pair[1], pair[0])))
    return OperationTotals(*group, count, p50_s, p90_s, p99_s, max_s, by_frequency)
