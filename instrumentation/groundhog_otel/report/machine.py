"""The report as JSON, for programs. Names carry their units; new keys may be added, none is taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from groundhog_otel.analysis.distribution import Class
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.analysis.operations import Operation, error_of
from groundhog_otel.analysis.trends import Trend, thinned
from groundhog_otel.analysis.waterfall import Row, Waterfall
from groundhog_otel.report.content import Report
from groundhog_otel.report.optimizations import Optimization
from groundhog_otel.store.model import Run

__all__ = ("FORMAT", "as_json")

FORMAT: Final = 1
"""Raised when a key changes its meaning."""


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as plain dictionaries, lists, numbers and strings."""
    summary = report.summary
    return {
        "format": FORMAT,
        "started_at_ns": report.start_ns,
        "recorded_s": report.duration_s,
        "versions": [{"name": name, "version": version} for name, version in report.versions],
        "runs": [_run(run) for run in summary.runs],
        "processes": [asdict(process) for process in summary.processes],
        "spans": summary.spans,
        "budgets": [{**asdict(one), "met": one.met} for one in report.verdicts],
        "findings": None if report.findings is None else [_finding(one) for one in report.findings],
        "operations": [_operation(operation, report.spread_of(operation)) for operation in summary.operations],
        "within_budget": not summary.missed,
        "slowest": None if summary.slowest is None else _waterfall(summary.slowest),
        "usage": [asdict(one) for one in summary.usage],
        "host_traffic": [asdict(one) for one in summary.host_traffic],
        "trends": [_trend(one, report.start_ns) for one in report.trends],
        "optimizations": [_optimization(one) for one in report.optimizations],
        "lines": summary.lines,
        "unreadable": [{"file": str(one.file), "line": one.line} for one in summary.unreadable],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "directory": str(run.directory),
        "manifest": None if run.manifest is None else asdict(run.manifest),
    }


def _operation(one: Operation, spread: Sequence[Class]) -> dict[str, Any]:
    return {
        "service": one.service,
        "side": one.side,
        "name": one.name,
        "method": one.method,
        "latency": asdict(one.latency),
        "errors": dict(one.errors),
        "budget": asdict(one.budget),
        "met": one.met,
        "distribution": [asdict(each) for each in spread],
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("detector", "service", "target", "says", "advice", "impact_ms",
                                                 "affected", "total_ms", "confidence", "action")},
        "figures": dict(one.figures),
        "parameters": dict(one.parameters),
        "evidence": [asdict(evidence) for evidence in one.evidence],
    }  # fmt: skip


def _trend(one: Trend, start_ns: int) -> dict[str, Any]:
    """Return a trend with few enough points to be read."""
    return {
        "title": one.title,
        "unit": one.unit,
        "budget": one.budget or None,
        "limit": one.limit,
        "lines": [
            {
                "name": line.name,
                "points": [
                    {"after_s": (point.time_ns - start_ns) / 1e9, "value": point.value}
                    for point in thinned(line.points)
                ],
            }
            for line in one.lines
        ],
    }


def _optimization(one: Optimization) -> dict[str, Any]:
    return {
        **asdict(one),
        "measured_saving_ms": one.measured_saving_ms,
        "effects": [{**asdict(each), "change": each.change, "finding": each.finding} for each in one.effects],
    }


def _waterfall(trace: Waterfall) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id,
        "slowest_span_id": trace.slowest.span_id,
        "duration_s": trace.duration_s,
        "spans": [_row(row) for row in trace.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "span_id": row.span.span_id,
        "parent_id": row.span.parent_id,
        "name": row.span.name,
        "kind": row.span.kind,
        "process": asdict(row.span.process),
        "depth": row.depth,
        "offset_s": row.offset_s,
        "duration_s": row.span.duration_s,
        "error": error_of(row.span),
    }
