"""The alerts, judged on recorded telemetry: what Prometheus would have said of it, without Prometheus.

Spans are exact where a histogram has buckets, and every moment is looked at where rules are evaluated every few
seconds; so what fires here for a moment only may have gone unnoticed there, and nothing is missed here.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from groundhog_otel.alerts.model import Alert
from groundhog_otel.alerts.selection import TOOLS_CALL, groups
from groundhog_otel.budgets import budget_for
from groundhog_otel.catalogue import label
from groundhog_otel.semconv import ERROR_TYPE, GEN_AI_TOOL_NAME, MCP_METHOD_NAME
from groundhog_otel.store.model import Recording, Series, Span

__all__ = ("Fired", "evaluate", "judged")

_NS: Final = 1e9
_SIDES: Final = {
    "mcp.span.duration": "server",
    "mcp.span.calls": "server",
    "mcp.server.operation.duration": "server",
    "mcp.client.operation.duration": "client",
}
"""The metrics that say what spans say, and of which side's."""
_MOST_TRACES: Final = 10


class Fired(NamedTuple):
    """An alert that would have fired, at its worst moment."""

    alert: Alert
    group: Mapping[str, str]
    """Labels and their values."""
    at_ns: int
    """Nanoseconds since 1970."""
    measured: float
    """In the unit of the alert's threshold; for latency the share of slow operations."""
    trace_ids: tuple[str, ...] = ()
    """Of the slow or failed operations behind it, the slowest first; at most ten."""


def judged(alert: Alert) -> bool:
    """Tell whether a recording can say anything about an alert: not of the Collector, and not of what is absent."""
    if alert.measure in ("level", "rate"):
        return alert.metric.source == "sdk"
    return alert.measure in ("latency", "p99", "errors") and alert.metric.name in _SIDES


def evaluate(alerts: Iterable[Alert], recording: Recording) -> list[Fired]:
    """Return the alerts that would have fired, by time; each once for every group, at its worst moment."""
    found: list[Fired] = []
    for alert in filter(judged, alerts):
        if alert.measure in ("level", "rate"):
            found.extend(_numbers(alert, recording.series))
        else:
            found.extend(_operations(alert, recording.spans))
    return sorted(found, key=lambda one: (one.at_ns, one.alert.name))


def _operations(alert: Alert, spans: Iterable[Span]) -> Iterator[Fired]:
    by_group: dict[tuple[str, ...], list[Span]] = {}
    for span in spans:
        if _is_about(alert, span):
            by_group.setdefault(tuple(_value(span, name) for name in groups(alert)), []).append(span)
    for key, own in by_group.items():
        worst = _worst(alert, sorted(own, key=lambda span: span.end_ns))
        if worst is not None:
            yield worst._replace(group=dict(zip(groups(alert), key, strict=True)))


def _is_about(alert: Alert, span: Span) -> bool:
    method = span.attributes.get(MCP_METHOD_NAME)
    if not isinstance(method, str) or not method:
        return False
    where = dict(alert.where)
    kind = where.pop("span.kind", f"SPAN_KIND_{_SIDES[alert.metric.name].upper()}")
    if span.kind != kind.removeprefix("SPAN_KIND_").lower():
        return False
    if (alert.by == "tool" and method != TOOLS_CALL) or (alert.methods and budget_for(method).name != alert.methods):
        return False
    own = {**span.attributes, "span.name": span.name, "status.code": f"STATUS_CODE_{span.status.upper()}"}
    return all(str(own.get(name, "")) == value for name, value in where.items())


def _value(span: Span, name: str) -> str:
    return str(span.attributes.get(GEN_AI_TOOL_NAME, "")) if name == "gen_ai_tool_name" else span.process.service


def _worst(alert: Alert, spans: Sequence[Span]) -> Fired | None:
    """Return the moment, at the end of one of ``spans``, that is most over the limit."""
    bad_one: Callable[[Span], bool] = (
        (lambda span: ERROR_TYPE in span.attributes)
        if alert.measure == "errors"
        else (lambda span: span.duration_s > alert.threshold)
    )
    bad = [bad_one(span) for span in spans]
    before = [0, *accumulate(bad)]
    ends = [span.end_ns for span in spans]
    limit = 0.01 if alert.measure == "p99" else alert.limit

    def share(at: int, window_s: float) -> tuple[float, int]:
        first = bisect_right(ends, ends[at] - round(window_s * _NS))
        return (before[at + 1] - before[first]) / (at + 1 - first), first

    worst: tuple[float, int, int] | None = None
    for at in range(len(spans)):
        part, first = share(at, alert.window_s)
        if at + 1 - first < alert.min_count or part <= limit or (worst is not None and part <= worst[0]):
            continue
        if alert.measure == "p99" or share(at, alert.short_s)[0] > limit:
            worst = part, first, at
    if worst is None:
        return None
    part, first, at = worst
    window = spans[first : at + 1]
    guilty = sorted(filter(bad_one, window), key=lambda span: -span.duration_s)
    durations = sorted(span.duration_s for span in window)
    measured = durations[math.ceil(0.99 * len(durations)) - 1] if alert.measure == "p99" else part
    ids = tuple(dict.fromkeys(span.trace_id for span in guilty))[:_MOST_TRACES]
    return Fired(alert, {}, spans[at].end_ns, measured, ids)


def _numbers(alert: Alert, series: Iterable[Series]) -> Iterator[Fired]:
    by_group: dict[tuple[str, ...], list[Series]] = {}
    for one in series:
        if one.name == alert.metric.name and all(str(one.attributes.get(n, "")) == v for n, v in alert.where):
            own = {label(name): str(value) for name, value in one.attributes.items()}
            own |= {"job": one.process.service, "instance": str(one.process.pid or "")}
            by_group.setdefault(tuple(own.get(name, "") for name in groups(alert)), []).append(one)
    for key, together in by_group.items():
        worst: Fired | None = None
        since: int | None = None
        for at in sorted({point.time_ns for one in together for point in one.points}):
            value = sum(_over_window(alert, one, at) for one in together)
            if value <= alert.limit:
                since = None
                continue
            since = at if since is None else since
            if at - since >= alert.hold_s * _NS and (worst is None or value > worst.measured):
                worst = Fired(alert, dict(zip(groups(alert), key, strict=True)), at, value)
        if worst is not None:
            yield worst


def _over_window(alert: Alert, series: Series, at: int) -> float:
    """Return the mean of a level, or what a counter grew by per second, in the window that ends at a moment."""
    values = [point.value for point in series.points if at - alert.window_s * _NS < point.time_ns <= at]
    if not values:
        return 0.0
    if alert.measure == "level":
        return sum(values) / len(values)
    # A value below the last is a counter that has begun anew.
    grown = sum(new - old if new >= old else new for old, new in pairwise(values))
    return grown / alert.window_s
