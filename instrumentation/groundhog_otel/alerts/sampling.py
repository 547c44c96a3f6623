"""The Collector's tail-sampling conditions: whatever an alert calls slow is kept, because both have one number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.model import Alert
from groundhog_otel.alerts.quantities import written
from groundhog_otel.alerts.selection import OTHERS
from groundhog_otel.budgets import BACKGROUND, LATENCY_BUDGETS, METHOD_PATTERNS, PROTOCOL

__all__ = ("BEGIN", "END", "conditions", "limits", "rewritten")

BEGIN: Final = "# Written by `groundhog alerts generate` from deploy/alerts.yaml, up to the end mark: do not edit."
END: Final = "# End of what `groundhog alerts generate` writes."
_METHOD: Final = 'attributes["mcp.method.name"]'
_TOOK: Final = "(end_time_unix_nano - start_time_unix_nano)"


def limits(alerts: Iterable[Alert]) -> dict[str, float]:
    """Return the duration, in seconds, above which spans of each class are kept: the lowest that any alert has.

    A class without an alert keeps its budget: the report and the dashboards judge by that.
    """
    found: dict[str, float] = {}
    for alert in alerts:
        if alert.measure in ("latency", "p99") and "mcp.method.name" in alert.metric.attributes:
            classes = [alert.methods] if alert.methods else [budget.name for budget in LATENCY_BUDGETS]
            for name in ["command"] if alert.by == "tool" else classes:
                found[name] = min(found.get(name, alert.threshold), alert.threshold)
    return {budget.name: found.get(budget.name, budget.limit_s) for budget in LATENCY_BUDGETS}


def conditions(alerts: Iterable[Alert]) -> list[tuple[str, str]]:
    """Return a comment and a condition in OTTL for each class, and for work that is no MCP operation."""
    found = limits(alerts)
    lines = []
    for name, methods in METHOD_PATTERNS.items():
        lines.append((f"{name}: {_text(found[name])}", f'IsMatch({_METHOD}, "^({methods})$")', found[name]))
    rest = f'{_METHOD} != nil and not IsMatch({_METHOD}, "^({OTHERS})$")'
    lines.append((f"{PROTOCOL.name}, every other method: {_text(found[PROTOCOL.name])}", rest, found[PROTOCOL.name]))
    lines.append(("work that is not an MCP operation: as background", f"{_METHOD} == nil", found[BACKGROUND.name]))
    # What took how long first: nearly every span is fast, and a pattern costs many times as much as a subtraction.
    return [(comment, f"{_TOOK} > {round(limit * 1e9)} and {condition}") for comment, condition, limit in lines]


def _text(seconds: float) -> str:
    return written(seconds, "s")


def rewritten(config: str, alerts: Iterable[Alert]) -> str:
    """Return the Collector's configuration with the conditions between the marks written anew.

    Raises:
        AlertError: the marks are not there.
    """
    lines = config.splitlines(keepends=True)
    begins = [at for at, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [at for at, line in enumerate(lines) if line.strip() == END]
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise AlertError(
            f"otel-config.yaml has no place for the sampling conditions: put the lines {BEGIN!r} and {END!r} around "
            "those of the policy over-budget"
        )
    indent = lines[begins[0]][: lines[begins[0]].index("#")]
    new = [f"{indent}{line}\n" for comment, text in conditions(alerts) for line in (f"# {comment}", f"- {text}")]
    return "".join((*lines[: begins[0] + 1], *new, *lines[ends[0] :]))
