"""Sentences that every report of a load test has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.reporting.figures import Figures, OperationFigures, Percentile
from groundhog_otel.load.reporting.given import Change, Check, Report
from groundhog_otel.load.result import LoadResult, Request
from groundhog_otel.report.units import amount, duration, rate, share

__all__ = (
    "ERRORS",
    "QUEUEING",
    "bound",
    "change_verdict",
    "error_name",
    "found",
    "headline",
    "how",
    "measure",
    "next_step",
    "percent_name",
    "queueing",
    "ratio",
    "tested",
    "too_few",
    "waited_s",
)

ERRORS: Final[Mapping[str, str]] = {
    "transport": "connection",
    "jsonrpc": "JSON-RPC error",
    "tool": "error of the tool",
    "timeout": "no answer in time",
    "assertion": "unexpected result",
}
QUEUEING: Final = 1.1
"""From which ratio of response p99 to service p99 on requests are said to have queued."""


def percent_name(percent: float) -> str:
    """Return ``p99.9``."""
    return f"p{percent:g}"


def measure(name: str, value: float) -> str:
    """Return a value with the unit of what a threshold measures."""
    if name == "error_rate":
        return share(value)
    return rate(value) if name == "rate" else duration(value)


def bound(threshold: Threshold) -> str:
    """Return ``p99 at most 50 ms``."""
    name = {"error_rate": "errors", "rate": "rate"}.get(threshold.measure, threshold.measure)
    return f"{name} {threshold.at.replace('_', ' ')} {measure(threshold.measure, threshold.value)}"


def found(check: Check) -> str:
    """Return what was measured for a check."""
    told = "cannot be told" if check.measured is None else measure(check.threshold.measure, check.measured)
    return f"{told} ({check.note})" if check.note else told


def headline(report: Report) -> str:
    """Return the verdict in a line."""
    failed = sum(not one.passed for one in report.verdict.checks)
    of = f"{failed} of {amount(len(report.verdict.checks), 'threshold')} missed"
    if not report.verdict.valid:
        return "INVALID: these numbers say nothing reliable about the server"
    if not report.verdict.passed:
        return f"FAILED: {of}" if failed else "FAILED"
    checks = len(report.verdict.checks)
    return f"PASSED: {amount(checks, 'threshold')} met" if checks else "PASSED: there was no threshold"


def tested(result: LoadResult) -> str:
    """Return what was tested."""
    if result.server is None:
        return result.target
    server = result.server
    return f"{server.name} {server.version}, MCP {server.protocol_version} over {server.transport}, {result.target}"


def how(result: LoadResult) -> str:
    """Return how it was tested: ``open model, constant (rate 300), for 30 s, after a warm-up of 5.0 s …``."""
    config = result.config
    parts = [f"{result.model} model"]
    arrivals = config.get("arrivals")
    if isinstance(arrivals, Mapping):
        parts.append(_arrivals(arrivals))
    parts.append(f"{result.duration_s:.3g} s measured")
    if config.get("warm_up"):
        parts.append(f"after a warm-up of {config['warm_up']:g} s")
    parts.append(amount(result.connections_peak, "connection"))
    if result.workers > 1:
        parts.append(amount(result.workers, "worker"))
    if "seed" in config:
        parts.append(f"seed {config['seed']}")
    return ", ".join(parts)


def error_name(kind: str) -> str:
    """Return ``JSON-RPC error -32602`` for ``jsonrpc:-32602``."""
    group, _, detail = kind.partition(":")
    return f"{ERRORS.get(group, group)} {detail}".strip()


def too_few(one: Percentile, count: int) -> str:
    """Say why a percentile is not shown."""
    return f"{percent_name(one.percent)} takes {one.needed:,} requests, there were {count:,}"


def waited_s(request: Request) -> float:
    """Return how long a request waited between being due and being sent; seconds."""
    return max(request.response_s - request.service_s, 0.0)


def queueing(one: OperationFigures) -> str | None:
    """Say that requests of an operation queued, if they did."""
    times = one.queueing
    if times is None or times < QUEUEING:
        return None
    return f"{one.name}: response p99 is {_times(times)} the service p99: requests waited before they could be sent"


def ratio(change: Change) -> str:
    """Return ``1.24 (1.18 to 1.31)``: how many times the baseline it is."""
    if change.low is None or change.high is None or not change.before or change.after is None:
        return "–"
    return f"{change.after / change.before:.3g} ({change.low:.3g} to {change.high:.3g})"


def change_verdict(change: Change) -> str:
    """Return a change in a word or two."""
    return {"better": "better", "worse": "worse", "same": "no difference shown", "unknown": "cannot be told"}[
        change.verdict
    ]


def next_step(report: Report, numbers: Figures) -> str:
    """Return what to do next, in a line: the first thing that stands in the way."""
    result = report.result
    if not numbers.count:
        return "No request was answered after the warm-up: run for longer, or see whether the server answers at all."
    if not report.verdict.valid:
        return (
            f"Give the generator more room, then measure again: more workers (now {result.workers}), "
            "a lower rate, or a machine of its own."
        )
    if result.interrupted is not None:
        return f"It ended early ({result.interrupted}): let it run to its end before you rely on it."
    failing = max(numbers.operations, key=lambda one: one.errors)
    if failing.error_share > 0.01:
        kind = max(_errors_of(result, failing.name), key=lambda one: one[1])[0]
        return f"Look at the errors of {failing.name} first: {share(failing.error_share)} of it, mostly {error_name(kind)}."
    queued = max(numbers.operations, key=lambda one: one.queueing or 0.0)
    if (queued.queueing or 0.0) >= QUEUEING:
        return (
            f"Requests of {queued.name} queued: find the concurrency that the server can take with a sweep, "
            "or what stalls it in the slowest traces."
        )
    if report.budget is not None and report.budget.parts and not report.verdict.passed:
        most = max(report.budget.parts, key=lambda one: one.share)
        return f"{share(most.share)} of the latency is {most.name}: begin there."
    if not report.verdict.passed:
        return "Open the slowest traces below, and see what the time is spent on."
    return "Keep this result as the baseline that the next one is compared with."


def _errors_of(result: LoadResult, operation: str) -> list[tuple[str, int]]:
    return [item for one in result.operations if one.name == operation for item in one.errors.items()]


def _arrivals(arrivals: Mapping[str, Any]) -> str:
    values = dict(arrivals)
    kind = values.pop("kind", None) or values.pop("type", None) or "arrivals"
    rest = ", ".join(f"{name} {value:g}" for name, value in values.items() if isinstance(value, int | float))
    return f"{kind} ({rest})" if rest else str(kind)


def _times(ratio_: float) -> str:
    return f"{ratio_:.1f} times" if ratio_ < 9.95 else f"{ratio_:.0f} times"
