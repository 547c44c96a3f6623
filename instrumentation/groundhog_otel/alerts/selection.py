"""Which series and spans an alert is about: the classes of MCP methods, in PromQL and in the Collector's OTTL."""

from __future__ import annotations

import json
from typing import Final

from groundhog_otel.alerts.model import Alert
from groundhog_otel.alerts.quantities import written
from groundhog_otel.budgets import METHOD_PATTERNS, PROTOCOL
from groundhog_otel.catalogue import label

__all__ = ("OTHERS", "duration", "equal", "groups", "matchers", "quoted", "selector")

OTHERS: Final = "|".join(METHOD_PATTERNS.values())
"""What no method of the class ``protocol`` matches."""
TOOLS_CALL: Final = "tools/call"


def quoted(text: str) -> str:
    """Return a string as PromQL has it."""
    return json.dumps(text, ensure_ascii=False)


def duration(seconds: float) -> str:
    """Return seconds as a duration of PromQL, whose smallest unit is a millisecond."""
    return written(round(seconds, 3), "s")


def equal(alert: Alert) -> dict[str, str]:
    """Return the labels that must have one value, and that value."""
    found = {label(name): value for name, value in alert.where}
    if "span.kind" in alert.metric.attributes:
        found.setdefault("span_kind", "SPAN_KIND_SERVER")
    return found


def matchers(alert: Alert) -> tuple[str, ...]:
    """Return the label matchers of an alert's series."""
    chosen = equal(alert)
    own = tuple(f"{name}={quoted(value)}" for name, value in chosen.items())
    of_methods = "mcp.method.name" in alert.metric.attributes and alert.measure != "absence"
    return (_methods(alert), *own) if of_methods and "mcp_method_name" not in chosen else own


def _methods(alert: Alert) -> str:
    if alert.by == "tool":
        return f"mcp_method_name={quoted(TOOLS_CALL)}"
    if alert.methods == PROTOCOL.name:
        return f'mcp_method_name!~"|{OTHERS}"'  # nor none
    if alert.methods:
        return f"mcp_method_name=~{quoted(METHOD_PATTERNS[alert.methods])}"
    return 'mcp_method_name!=""'


def selector(alert: Alert, suffix: str = "", *more: str) -> str:
    """Return an instant vector selector of an alert's metric."""
    found = ", ".join((*matchers(alert), *more))
    return f"{alert.metric.prometheus}{suffix}" + (f"{{{found}}}" if found else "")


def groups(alert: Alert) -> tuple[str, ...]:
    """Return the labels whose every combination of values is watched for itself."""
    service = alert.metric.service
    if alert.by == "tool":
        return (service, "gen_ai_tool_name")
    if alert.measure not in ("level", "rate"):
        return (service,)
    # What an attribute takes apart is added up again for a rate; a level of one folder or state is that one's alone.
    apart = () if alert.measure == "rate" else alert.metric.attributes
    chosen = {name for name, _ in alert.where}
    return (service, "instance", *(label(name) for name in apart if name != "cpu.mode" and name not in chosen))
