"""Prometheus' recording and alerting rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from groundhog_otel.alerts.annotations import labels, notes
from groundhog_otel.alerts.model import Alert
from groundhog_otel.alerts.selection import duration, groups, matchers, selector
from groundhog_otel.alerts.values import Template

__all__ = ("FILES", "NO_DATA", "Companion", "companions", "expressions", "file_of", "record", "rule_files")

FILES: Final = {
    "mcp-latency": ("latency", "p99"),
    "mcp-errors": ("errors",),
    "mcp-resources": ("level", "rate"),
    "mcp-absence": ("absence",),
}
"""Rule files, and whose alerts are in each."""
NO_DATA: Final = "NoData"
_SEEN_S: Final = 86400.0
_SOON_S: Final = 300.0
_LATE_S: Final = 21600.0
_FINEST_S: Final = 60.0


class Companion:
    """Says when the numbers have stopped without which some alerts can never fire."""

    def __init__(self, first: Alert) -> None:
        self.alerts = [first]

    @property
    def name(self) -> str:
        """The name of the alert it goes with, the first of those that ask for the same series."""
        return f"{self.alerts[0].name}{NO_DATA}"

    @property
    def after_s(self) -> float:
        """How long after the last number it fires, in seconds: well within the day in which it can."""
        return min(max(min(alert.window_s for alert in self.alerts), _SOON_S), _LATE_S)

    def rule(self) -> dict[str, Any]:
        """Return the alerting rule: true for a day, where there were numbers and are none."""
        alert = self.alerts[0]
        series = _series(alert)
        seen, now = (f"group(present_over_time({series}[{duration(one)}]))" for one in (_SEEN_S, self.after_s))
        blind = " and ".join(one.name for one in self.alerts)
        return {
            "alert": self.name,
            "expr": f"{seen}\nunless\n{now}",
            "labels": {**labels(alert), "severity": "info"},
            "annotations": {"summary": self.summary(blind)},
        }

    def summary(self, blind: str) -> str:
        """Return what its notification says."""
        return f"no {self.alerts[0].metric.name} for {duration(self.after_s)}, without which {blind} cannot fire"


def companions(alerts: Iterable[Alert]) -> list[Companion]:
    """Return one companion for each kind of series that alerts ask for."""
    found: dict[tuple[str, ...], Companion] = {}
    for alert in alerts:
        if alert.measure == "absence":
            continue
        key = (alert.metric.name, *matchers(alert))
        if key in found:
            found[key].alerts.append(alert)
        else:
            found[key] = Companion(alert)
    return list(found.values())


def _series(alert: Alert) -> str:
    return selector(alert, "_count" if alert.metric.kind == "histogram" else "")


def _sum(alert: Alert, series: str, window_s: float, function: str = "rate") -> str:
    by = ", ".join(groups(alert))
    return f"sum by ({by}) ({function}({series}[{duration(window_s)}]))"


def _ratio(alert: Alert, window_s: float) -> str:
    """Return the share of slow or of failed operations."""
    every = _sum(alert, _series(alert), window_s)
    if alert.measure == "errors":
        failed = selector(alert, "_count" if alert.metric.kind == "histogram" else "", 'error_type!=""')
        return f"{_sum(alert, failed, window_s)}\n/\n{every}"
    within = selector(alert, "_bucket", f'le="{alert.threshold!r}"')  # a boundary: no interpolation
    return f"1 - {_sum(alert, within, window_s)}\n/\n{every}"


def record(alert: Alert, window_s: float) -> str:
    """Return the name of what is recorded for an alert over a window."""
    what = "p99" if alert.measure == "p99" else "slow_ratio" if alert.measure == "latency" else "error_ratio"
    return f"{alert.name}:{what}:{duration(window_s)}"


def expressions(alert: Alert) -> tuple[dict[str, str], str]:
    """Return what is recorded, by name, and the expression that fires."""
    recorded: dict[str, str] = {}
    limit = f"{alert.limit:.15g}"
    if alert.measure == "p99":
        name, by = record(alert, alert.window_s), ", ".join((*groups(alert), "le"))
        rate = f"rate({selector(alert, '_bucket')}[{duration(alert.window_s)}])"
        recorded[name] = f"histogram_quantile(0.99, sum by ({by}) ({rate}))"
        condition = f"{name} > {limit}"
    elif alert.measure in ("latency", "errors"):
        names = [record(alert, window) for window in (alert.window_s, alert.short_s)]
        for name, window in zip(names, (alert.window_s, alert.short_s), strict=True):
            recorded[name] = _ratio(alert, window)
        condition = "\nand ".join(f"{name} > {limit}" for name in names)
    elif alert.measure == "rate":
        return {}, f"{_sum(alert, _series(alert), alert.window_s)} > {limit}"
    elif alert.measure == "level":
        return {}, f"{_sum(alert, _series(alert), alert.window_s, 'avg_over_time')} > {limit}"
    else:
        return {}, f"group(absent_over_time({_series(alert)}[{duration(alert.short_s)}]))"
    if alert.min_count > 0:
        # A few slow or failed operations of something rarely used are chance, and wake nobody.
        enough = _sum(alert, _series(alert), alert.window_s, "increase")
        condition += f"\nand on ({', '.join(groups(alert))})\n{enough} >= {alert.min_count}"
    return recorded, condition


def _rules(alert: Alert) -> list[dict[str, Any]]:
    recorded, condition = expressions(alert)
    rule: dict[str, Any] = {"alert": alert.name, "expr": condition}
    if alert.hold_s:
        rule["for"] = duration(alert.hold_s)
    rule["labels"] = labels(alert)
    rule["annotations"] = notes(alert, Template())
    return [*({"record": name, "expr": expr} for name, expr in recorded.items()), rule]


def file_of(alert: Alert) -> str:
    """Return the stem of the rule file that an alert is in."""
    return next(stem for stem, measures in FILES.items() if alert.measure in measures)


def rule_files(alerts: Sequence[Alert], scrape_s: float) -> dict[str, dict[str, Any]]:
    """Return what belongs in each rule file, by its stem.

    A group is an alert and what is recorded for it: Prometheus evaluates a group's rules one after the other. How
    often it does follows from the window, since numbers over six hours change slowly and cost the most.
    """
    found: dict[str, dict[str, Any]] = {stem: {"groups": []} for stem in FILES}
    for alert in alerts:
        group: dict[str, Any] = {"name": alert.name}
        every = min(alert.window_s / 120, _FINEST_S)
        if every > scrape_s:  # else as often as everything else
            group["interval"] = duration(round(every))
        found[file_of(alert)]["groups"].append({**group, "rules": _rules(alert)})
    stopped = [companion.rule() for companion in companions(alerts)]
    if stopped:
        found["mcp-absence"]["groups"].append({"name": "stopped", "interval": duration(_FINEST_S), "rules": stopped})
    return found
