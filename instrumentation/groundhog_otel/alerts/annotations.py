"""What a notification says: who, what was measured, the budget, and where the very traces are."""

from __future__ import annotations

from typing import Final

from groundhog_otel.alerts.model import Alert
from groundhog_otel.alerts.quantities import written
from groundhog_otel.alerts.selection import duration, equal, groups, matchers
from groundhog_otel.alerts.values import Values

__all__ = ("labels", "notes")

_WHO: Final = {"job": "{}", "service_name": "{}", "instance": "instance {}", "gen_ai_tool_name": "tool {}"}


def labels(alert: Alert) -> dict[str, str]:
    """Return the labels that an alert has besides those of its group. Routes and inhibitions go by them."""
    found = {"severity": alert.severity, "metric": alert.metric.name}
    return {**found, "methods": alert.methods} if alert.methods else found


def notes(alert: Alert, values: Values) -> dict[str, str]:
    """Return an alert's annotations."""
    found = {"summary": _summary(alert, values), "measured": _measured(alert, values), "budget": _budget(alert)}
    if "span.name" in alert.metric.attributes and alert.measure in ("latency", "p99", "errors"):
        query = _search(alert, values)
        found |= {
            # The same traces twice: as a page, which only official releases of Jaeger have, and as JSON, as all have.
            "traces": f"{values.jaeger()}/search?{query}",
            "traces_json": f"{values.jaeger()}/api/traces?{query}",
            "exemplars": _exemplars(alert, values),
        }
    if alert.measure == "absence":
        found.pop("measured")
        found.pop("budget")
    return found


def _summary(alert: Alert, values: Values) -> str:
    window, value = duration(alert.window_s), _measured(alert, values)
    if alert.measure == "absence":
        return f"no {alert.metric.name} for {window}: nothing arrives, or nothing is sent"
    who = _who(alert, values)
    what = f"{alert.methods} operations" if alert.methods and alert.by != "tool" else "calls"
    if alert.measure == "p99":
        return f"p99 of {who} is {value}, its budget is {alert.budget}"
    if alert.measure == "latency":
        return (
            f"{value} of the {what} of {who} took longer than {alert.budget} within {window}; "
            f"{written(alert.allowed, '1')} may"
        )
    if alert.measure == "errors":
        return f"{value} of the {what} of {who} failed within {window}; the limit is {alert.budget}"
    return f"{alert.metric.name} of {who} is {value} over {window}, its limit is {alert.budget}"


def _measured(alert: Alert, values: Values) -> str:
    return values.measured("1" if alert.measure == "latency" else alert.unit)


def _budget(alert: Alert) -> str:
    if alert.measure == "latency":
        return f"{alert.budget} for {written(round(1 - alert.allowed, 9), '1')} of operations"
    return alert.budget


def _who(alert: Alert, values: Values) -> str:
    """Return the group in words, the narrowest first."""
    told = [_WHO.get(name, name.replace("_", " ") + " {}").format(values.label(name)) for name in groups(alert)]
    return " of ".join(reversed(told))


def _search(alert: Alert, values: Values) -> str:
    words = [f"service={values.in_url(alert.metric.service)}"]
    if alert.by == "tool":
        words.append(f"operation={values.in_url('gen_ai_tool_name', 'tools/call ')}")
    if alert.measure != "errors":  # whose traces Jaeger's memory storage cannot be asked for: it takes no boolean tag
        words.append(f"minDuration={alert.budget}")
    lookback = "1h" if alert.window_s <= 3600 else duration(alert.window_s)
    return "&".join((*words, f"lookback={lookback}"))


def _exemplars(alert: Alert, values: Values) -> str:
    """Return a query for ``/api/v1/query_exemplars``. The metrics of kept traces have them, and all are stored."""
    own = [one for one in matchers(alert) if not one.startswith("span_kind=")]
    own += [f"{name}={values.in_promql(name)}" for name in groups(alert) if name not in equal(alert)]
    own += ['error_type!=""'] if alert.measure == "errors" else []
    return f"mcp_kept_duration_seconds_bucket{{{','.join(own)}}}"
