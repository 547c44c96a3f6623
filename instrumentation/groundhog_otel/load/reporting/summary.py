"""The result as JSON for programs: plain numbers, beside the file that holds every histogram.

Names carry their units; new keys may be added, none is taken away.
"""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any, Final

from groundhog_otel.load.judgement.checks import Check
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.reporting.figures import OperationFigures, Percentile, figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.rows import SlowRow, slow_rows
from groundhog_otel.load.reporting.wording import percent_name
from groundhog_otel.load.results.result import OperationResult

__all__ = ("FORMAT", "as_json")

FORMAT: Final = 1
"""Raised when a key changes its meaning."""


def as_json(report: Report) -> dict[str, Any]:
    """Return a load test as plain dictionaries, lists, numbers and strings."""
    result, numbers = report.result, figures(report)
    own = {one.name: one for one in result.operations}
    return {
        "format": FORMAT,
        "run_id": result.run_id,
        "target": result.target,
        "server": None if result.server is None else asdict(result.server),
        "model": result.model,
        "config": dict(result.config),
        "started_at_ns": result.started_at_ns,
        "duration_s": result.duration_s,
        "interrupted": result.interrupted,
        "valid": report.verdict.valid,
        "passed": report.verdict.passed,
        "reasons": list(report.verdict.reasons),
        "checks": [_check(one) for one in report.verdict.checks],
        "requests": numbers.count,
        "errors": numbers.errors,
        "unfinished": result.unfinished,
        "rate_per_s": numbers.rate,
        "connections_peak": result.connections_peak,
        "workers": result.workers,
        "operations": [_operation(one, own[one.name]) for one in numbers.operations],
        "slowest": [_request(one) for one in slow_rows(report)],
        "self_checks": [asdict(one) for one in result.self_checks],
        "latency_budget": None if report.budget is None else _budget(report.budget),
        "baseline": report.baseline or None,
        "comparison": None if report.comparison is None else _finite(asdict(report.comparison)),
        "scaling": None if report.scaling is None else _finite(asdict(report.scaling)),
    }


def _finite(value: Any) -> Any:
    """Return a value without infinite numbers, which JSON does not have: null stands for no bound."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _budget(one: Budget) -> dict[str, Any]:
    parts = [{"name": part.name, "seconds": part.seconds, "share": part.share} for part in one.parts]
    return {**asdict(one), "parts": parts}


def _check(one: Check) -> dict[str, Any]:
    return {
        "operation": one.operation,
        "measure": one.threshold.measure,
        "at": one.threshold.at,
        "bound": one.threshold.value,
        "measured": one.measured,
        "outcome": one.outcome,
        "certain": one.certain,
        "sentence": one.sentence,
    }


def _operation(one: OperationFigures, result: OperationResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "method": result.method,
        "requests": one.count,
        "rate_per_s": one.rate,
        "errors": dict(result.errors),
        "messages": dict(result.messages),
        "error_share": one.error_share,
        "response": _latency(one.response, one.response_max_s),
        "service": _latency(one.service, one.service_max_s),
    }


def _latency(percentiles: tuple[Percentile, ...], most_s: float) -> dict[str, Any]:
    return {**{percent_name(one.percent): _percentile(one) for one in percentiles}, "max_s": most_s}


def _percentile(one: Percentile) -> dict[str, Any]:
    """Return a percentile with its interval; null and how many requests it takes where there were too few."""
    if one.value_s is None:
        return {"value_s": None, "low_s": None, "high_s": None, "requests_needed": one.needed}
    return {"value_s": one.value_s, "low_s": one.low_s, "high_s": one.high_s, "requests_needed": None}


def _request(row: SlowRow) -> dict[str, Any]:
    one, link = row.request, row.link
    return {
        "operation": one.operation,
        "scenario": one.scenario,
        "trace_id": one.trace_id,
        "span_id": one.span_id,
        "response_s": one.response_s,
        "service_s": one.service_s,
        "waited_s": row.waited_s,
        "intended_ns": one.intended_ns,
        "error": one.error,
        "trace": None if link is None else {name: getattr(link, name) for name in ("url_or_file", "found", "missing")},
    }
