"""Sentences that every report of a load test has in common."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from groundhog_otel.analysis.scaling.law import Between, Fit
from groundhog_otel.load.judgement.changes import Change
from groundhog_otel.load.judgement.checks import Check
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.needs import Need
from groundhog_otel.report.units import amount, duration, rate, share

__all__ = (
    "ERRORS",
    "bound",
    "cores",
    "error_name",
    "headline",
    "how",
    "interval",
    "knee",
    "known_of",
    "measure",
    "measured",
    "need",
    "percent_name",
    "relative",
    "remarks",
    "said",
    "sentence",
    "short",
    "tested",
)

ERRORS: Final[Mapping[str, str]] = {
    "transport": "connection",
    "jsonrpc": "JSON-RPC error",
    "tool": "tool error",
    "timeout": "no answer in time",
    "assertion": "unexpected result",
}


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


def measured(check: Check) -> str:
    """Return what was measured for a check."""
    return "too few" if check.measured is None else measure(check.threshold.measure, check.measured)


def sentence(check: Check) -> str:
    """Return what was found, and whether that may be chance."""
    return check.sentence if check.certain or check.outcome == "undecided" else f"{check.sentence}; may be chance"


def said(check: Check) -> str:
    """Return the same, for where the name of the operation stands beside it."""
    return sentence(check).removeprefix(f"{check.operation or 'all operations'}: ")


def headline(report: Report) -> str:
    """Return the verdict in a line."""
    verdict = report.verdict
    if not verdict.valid:
        return "INVALID: these numbers say nothing reliable about the server"
    of = amount(len(verdict.checks), "threshold")
    failed = sum(one.outcome == "failed" for one in verdict.checks)
    undecided = sum(one.outcome == "undecided" for one in verdict.checks)
    if failed:
        rest = f", {undecided} undecided" if undecided else ""
        return f"FAILED: {failed} of {of} missed{rest}"
    if undecided:
        return f"NOT PROVEN: {undecided} of {of} undecided"
    if not verdict.passed:
        return "FAILED"
    return f"PASSED: {of} met" if verdict.checks else "PASSED: there was no threshold"


def remarks(report: Report) -> list[str]:
    """Return why a result is not valid and what else is to be known, without what the checks say themselves."""
    said = {one.sentence for one in report.verdict.checks}
    return [reason for reason in report.verdict.reasons if reason not in said]


def tested(result: LoadResult) -> str:
    """Return what was tested."""
    if result.server is None:
        return result.target
    server = result.server
    name = f"{server.name} {server.version}".strip()  # some have no version
    return f"{name}, MCP {server.protocol_version} over {server.transport}, {result.target}"


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
    """Return ``JSON-RPC error: -32602`` for ``jsonrpc:-32602``."""
    group, _, detail = kind.partition(":")
    name = ERRORS.get(group, group)
    return f"{name}: {detail}" if detail else name


def short(text: str, most: int = 200) -> str:
    """Return a text that may be a server's whole page of HTML, or its beginning."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def interval(number: Between, spec: str) -> str:
    """Return ``32 (29 to 36)``; an interval without an upper end has none."""
    high = f"to {number.high:{spec}}" if isfinite(number.high) else "or more"
    return f"{number.value:{spec}} ({number.low:{spec}} {high})"


def need(one: Need) -> str:
    """Return ``1,000 commands/s``."""
    return f"{one.amount:,.0f} {one.target}{'/s' if one.target in ('commands', 'events') else ''}"


def cores(one: Need) -> str:
    """Return how many cores a target takes."""
    if one.cores is None:
        return "cannot be told"
    return f"{interval(one.cores, '.0f' if one.cores.value >= 10 else '.2g')} cores"


def knee(fit: Fit) -> str:
    """Return the concurrency of the highest throughput."""
    if fit.knee is None or fit.peak is None:
        return "beyond what was measured"
    return f"{interval(fit.knee, '.0f')} at once, {interval(fit.peak, ',.0f')} requests/s"


def known_of(budget: Budget) -> str:
    """Return of how many requests a budget knows the server's side."""
    if budget.joined == budget.requests:
        return "The server's side is known of all of them."
    return (
        f"The server's side is known of {budget.joined:,} of them; of the others, what the client waited for is "
        "unexplained."
    )


def relative(change: Change) -> str:
    """Return ``+2.1 % (-1.0 to +4.4)``, or ``54.9 times (41 to 66)`` where percents would be hard to read."""
    times = change.now_s / change.baseline_s if change.baseline_s else 0.0
    if 0.5 < times < 2:
        return f"{(times - 1) * 100:+.1f} % ({change.low * 100:+.1f} to {change.high * 100:+.1f})"
    return f"{times:.3g} times ({1 + change.low:.3g} to {1 + change.high:.3g})"


def _arrivals(arrivals: Mapping[str, Any]) -> str:
    values = dict(arrivals)
    kind = values.pop("kind", None) or values.pop("type", None) or "arrivals"
    rest = ", ".join(f"{name} {value:g}" for name, value in values.items() if isinstance(value, int | float))
    return f"{kind} ({rest})" if rest else str(kind)
