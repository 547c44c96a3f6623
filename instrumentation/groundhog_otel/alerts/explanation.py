"""An alert in words: what it means, when it fires, what it cannot see."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from groundhog_otel.alerts.evaluation import judged
from groundhog_otel.alerts.model import BURN_RATES, Alert
from groundhog_otel.alerts.quantities import written
from groundhog_otel.alerts.rules import companions, expressions
from groundhog_otel.alerts.selection import duration

__all__ = ("explain",)


def explain(alert: Alert, alerts: tuple[Alert, ...]) -> str:
    """Return the explanation of one of ``alerts``."""
    recorded, condition = expressions(alert)
    parts = [f"{alert.name} ({alert.severity})", "", _meaning(alert), "", "It fires when", *_indented(condition)]
    if alert.hold_s:
        parts += ["", f"has been true for {duration(alert.hold_s)}."]
    for name, expr in recorded.items():
        parts += ["", f"where {name} is", *_indented(expr)]
    parts += ["", "What it cannot see", *(f"- {line}" for line in _blind(alert, alerts))]
    return "\n".join(parts)


def _indented(text: str) -> list[str]:
    return textwrap.indent(text, "    ").splitlines()


def _meaning(alert: Alert) -> str:
    window, short = duration(alert.window_s), duration(alert.short_s)
    whose = {"tool": "each tool of each service", "service": "each service"}[alert.by]
    what = f"{alert.methods} operations" if alert.methods and alert.by == "service" else "MCP operations"
    what = "calls" if alert.by == "tool" else what
    limit = written(alert.limit, "1") if alert.measure in ("latency", "errors") else alert.budget
    if alert.measure == "latency":
        share, burn = written(alert.allowed, "1"), BURN_RATES[alert.severity]
        return (
            f"Of the {what} of {whose}, {share} may take longer than {alert.budget}. More than {limit} did, "
            f"{burn:g} times too many, within {window} and within the last {short}."
        )
    if alert.measure == "errors":
        return f"Of the {what} of {whose}, more than {limit} failed, within {window} and within the last {short}."
    if alert.measure == "p99":
        return f"The 99th percentile of the {what} of {whose} over {window} is above {limit}."
    if alert.measure == "absence":
        return f"{alert.metric.name} has not come for {window}, from anybody."
    how = "on average" if alert.measure == "level" else "per second"
    return f"{alert.metric.name} of one process or host is above {limit}, {how} over {window}."


def _blind(alert: Alert, alerts: tuple[Alert, ...]) -> Iterator[str]:
    if alert.min_count:
        yield f"what is used less than {alert.min_count} times in {duration(alert.window_s)}: that may be chance."
    if alert.measure in ("latency", "p99", "errors", "rate"):
        yield "the first reading of a new series: a rate needs two, so what happens before the first scrape is missed."
    if alert.measure in ("latency", "p99"):
        yield "how much slower than the threshold: it counts, and the linked traces tell."
    if alert.metric.source == "collector":
        yield "operations whose spans never reach the Collector, such as those left out by a sampler in the process."
        yield "for half an hour, that a service has ended: the Collector goes on reporting its last numbers."
    if alert.measure in ("level", "rate"):
        yield f"a peak that {duration(alert.window_s)} evens out, or that ends within {duration(alert.hold_s)}."
    if not judged(alert):
        yield "a recording: `groundhog alerts check --recorded` leaves it out."
    for companion in companions(alerts):
        if alert in companion.alerts:
            after = duration(companion.after_s)
            yield f"anything, once its numbers stop; {companion.name} (info) says so after {after}, for a day."
