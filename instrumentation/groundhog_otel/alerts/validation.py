"""What makes an alert impossible, said so that it can be mended."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final, get_args

from groundhog_otel.alerts.model import BURN_RATES, SHORT, Alert, AlertConfig, Intervals, Measure
from groundhog_otel.alerts.quantities import Quantity, parse, written
from groundhog_otel.budgets import LATENCY_BUDGETS
from groundhog_otel.catalogue import METRICS, Metric, nearest

__all__ = ("Problems", "understood")

Problems = list[tuple[str, str]]
"""The field of the configuration, and what is wrong with it."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLASSES: Final = tuple(budget.name for budget in LATENCY_BUDGETS)
_EVENTS: Final = 10
"""Slow or failed operations that there must have been at the threshold: fewer are chance."""
_P99_CALLS: Final = 5
_GAP_S: Final = 60.0


def understood(config: AlertConfig, intervals: Intervals, taken: Iterable[str] = ()) -> tuple[Alert | None, Problems]:
    """Return the alert that ``config`` describes, or None and everything that is in its way."""
    problems: Problems = []
    if not _NAME.fullmatch(config.name):
        problems.append(("name", f"{config.name!r} is no name of an alert: write letters, digits and _"))
    elif config.name in taken:
        problems.append(("name", f"there are two alerts {config.name}: give this one another name"))
    if config.severity not in BURN_RATES:
        problems.append(("severity", f"unknown severity {config.severity!r}: write {_or(BURN_RATES)}"))
    metric = METRICS.get(config.metric)
    if metric is None:
        near = nearest(config.metric)
        problems.append(("metric", f"unknown metric {config.metric!r}: " + (_or(near) + "?" if near else _WHERE)))
        return None, problems
    try:
        threshold = parse(config.threshold) if config.threshold else None
    except ValueError as error:
        return None, [*problems, ("threshold", str(error))]
    measure = config.measure or _implied(metric, threshold)
    if measure not in get_args(Measure):
        problems.append(("measure", f"unknown measure {measure!r}: write {_or(get_args(Measure))}"))
        return None, problems
    problems += _selection(config, metric, measure)
    problems += _threshold(metric, measure, threshold)
    allowed = _allowed(config, measure, problems)
    window_s = _window(config, metric, measure, intervals, problems)
    if problems or window_s is None:
        return None, problems
    value = threshold.value if threshold is not None else 0.0
    ratio = BURN_RATES[config.severity] * allowed if measure == "latency" else value
    alert = Alert(
        name=config.name,
        metric=metric,
        measure=measure,  # type: ignore[arg-type] # one of them, as was looked at above
        threshold=value,
        unit=_units(metric, measure)[0],
        window_s=window_s,
        severity=config.severity,
        methods=config.methods,
        by=config.by,
        where=tuple(config.where.items()),
        allowed=allowed,
        min_count=_least(measure, ratio) if config.min_count is None else config.min_count,
        hold_s=_hold(metric, measure, window_s, intervals),
        short_s=_short(measure, window_s, intervals),
    )
    return alert, []


_WHERE: Final = "docs/alerts.md lists them"


def _or(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _implied(metric: Metric, threshold: Quantity | None) -> Measure:
    if threshold is None:
        return "absence"
    if threshold.unit == "1" and metric.kind in ("histogram", "counter"):
        return "errors"
    return {"histogram": "latency", "counter": "rate"}.get(metric.kind, "level")  # type: ignore[return-value]


def _units(metric: Metric, measure: str) -> tuple[str, ...]:
    """Return the units that a threshold may have."""
    if measure == "errors":
        return ("1",)
    if measure == "rate":
        return ("By/s",) if metric.unit == "By" else ("",)
    if metric.unit == "1":
        return ("1", "")
    return (metric.unit,) if metric.unit in ("s", "By") else ("",)


def _selection(config: AlertConfig, metric: Metric, measure: str) -> Problems:
    problems: Problems = []
    if config.by not in ("service", "tool"):
        problems.append(("by", f"unknown {config.by!r}: write service or tool"))
    if config.by == "tool" and (config.methods not in ("", "command") or "gen_ai.tool.name" not in metric.attributes):
        problems.append(("by", "only tools/call has tools: write by: service, or a metric that has gen_ai.tool.name"))
    if config.methods and config.methods not in _CLASSES:
        problems.append(("methods", f"unknown class of methods {config.methods!r}: write {_or(_CLASSES)}"))
    elif config.methods and "mcp.method.name" not in metric.attributes:
        problems.append(("methods", f"{metric.name} is not of MCP methods: leave methods out"))
    kinds = {"latency": "histogram", "p99": "histogram", "rate": "counter"}
    wanted = kinds.get(measure)
    if wanted is not None and metric.kind != wanted:
        problems.append(("measure", f"{measure} is of a {wanted}, and {metric.name} is a {metric.kind}"))
    if measure == "level" and metric.kind not in ("gauge", "updowncounter"):
        problems.append(("measure", f"level is of a gauge, and {metric.name} is a {metric.kind}: write rate"))
    if measure == "errors" and "error.type" not in metric.attributes:
        problems.append(("measure", f"{metric.name} does not tell errors: write metric: mcp.span.calls"))
    for name, value in config.where.items():
        if "{{" in value:  # Prometheus takes it for the beginning of a template, and the annotations fail
            problems.append(("where", f"{value!r} has {{{{, which Prometheus' templates are made of: leave it out"))
        if name not in metric.attributes:
            told = f"write {_or(metric.attributes)}" if metric.attributes else "leave where out"
            problems.append(("where", f"{metric.name} has no attribute {name!r}: {told}"))
    return problems


def _threshold(  # noqa: PLR0911 - a reason each
    metric: Metric, measure: str, threshold: Quantity | None
) -> Problems:
    units = _units(metric, measure)
    example = Quantity.example(units[0])
    if measure == "absence":
        return [("threshold", "absence has no threshold: leave it out")] if threshold is not None else []
    if threshold is None:
        return [("threshold", f"there is no threshold: write one like {example}")]
    if threshold.value <= 0:
        return [("threshold", f"a threshold must be above 0: write one like {example}")]
    if threshold.unit not in units:
        got = written(threshold.value, threshold.unit)
        return [
            ("threshold", f"{got} is in the wrong unit for the {measure} of {metric.name}: write one like {example}")
        ]
    if measure == "errors" and threshold.value >= 1:
        return [("threshold", "more than all cannot fail: write less than 100%")]
    if measure in ("latency", "p99") and threshold.value not in metric.buckets:
        return [("threshold", _unmeasurable(metric, threshold.value))]
    return []


def _unmeasurable(metric: Metric, value: float) -> str:
    nearby = sorted(sorted(metric.buckets, key=lambda one: abs(math.log(one / value)))[:4])
    could = _or([written(one, "s") for one in nearby])
    others = [one.name for one in METRICS.values() if value in one.buckets and one.name == "mcp.span.duration"]
    other = f", or metric: {others[0]}, which has that one" if others and metric.name.startswith("mcp.") else ""
    return f"no bucket of {metric.name} ends at {written(value, 's')}: its nearest boundaries are {could}{other}"


def _allowed(config: AlertConfig, measure: str, problems: Problems) -> float:
    try:
        objective = parse(config.objective)
    except ValueError as error:
        problems.append(("objective", str(error)))
        return 1.0
    if objective.unit != "1" or not 0 < objective.value < 1:
        problems.append(("objective", f"{config.objective!r} is no objective: write a share below 100%, like 99%"))
        return 1.0
    allowed = round(1 - objective.value, 9)
    burn = BURN_RATES.get(config.severity, 1)
    if measure == "latency" and burn * allowed >= 1:
        least = written(math.ceil((1 - 1 / burn) * 1000 + 1) / 1000, "1")
        message = f"with {config.objective}, {burn:g} times too many is more than all: write {least} or more"
        problems.append(("objective", message))
    return allowed


def _window(
    config: AlertConfig, metric: Metric, measure: str, intervals: Intervals, problems: Problems
) -> float | None:
    try:
        window = parse(config.window)
    except ValueError as error:
        problems.append(("window", str(error)))
        return None
    if window.unit != "s" or window.value <= 0:
        problems.append(("window", f"{config.window!r} is no window of time: write one like 5m"))
        return None
    interval = intervals.export_s if metric.source == "sdk" else intervals.scrape_s
    part = SHORT if measure in ("latency", "errors") else 1
    least = 2 * interval * part
    if window.value < least:
        why = f"a twelfth of {config.window}, its short window," if part > 1 else config.window
        every = written(interval, "s")
        message = (
            f"{why} holds less than two of the numbers that come every {every}: write {written(least, 's')} or more"
        )
        problems.append(("window", message))
    return window.value


def _least(measure: str, ratio: float) -> int:
    if measure == "p99":
        return _P99_CALLS
    return math.ceil(round(_EVENTS / ratio, 6)) if measure in ("latency", "errors") else 0


def _short(measure: str, window_s: float, intervals: Intervals) -> float:
    if measure == "absence":
        return max(_GAP_S, 2 * intervals.scrape_s)
    return window_s / SHORT if measure in ("latency", "errors") else window_s


def _hold(metric: Metric, measure: str, window_s: float, intervals: Intervals) -> float:
    if measure == "absence":
        return window_s
    interval = intervals.export_s if metric.source == "sdk" else intervals.scrape_s
    return max(window_s / SHORT, 2 * interval) if measure in ("level", "rate") else 0.0
