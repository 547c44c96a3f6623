"""The report as JSON, for programs. Names carry their units; new keys may be added, none is taken away."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from groundhog_otel.analysis.operations import Operation, error_of
from groundhog_otel.analysis.summary import Summary
from groundhog_otel.analysis.waterfall import Row, Waterfall
from groundhog_otel.store.model import Run

__all__ = ("FORMAT", "as_json")

FORMAT: Final = 1
"""Raised when a key changes its meaning."""


def as_json(summary: Summary) -> dict[str, Any]:
    """Return a summary as plain dictionaries, lists, numbers and strings."""
    return {
        "format": FORMAT,
        "runs": [_run(run) for run in summary.runs],
        "processes": [asdict(process) for process in summary.processes],
        "spans": summary.spans,
        "operations": [_operation(operation) for operation in summary.operations],
        "within_budget": not summary.missed,
        "slowest": None if summary.slowest is None else _waterfall(summary.slowest),
        "usage": [asdict(one) for one in summary.usage],
        "host_traffic": [asdict(one) for one in summary.host_traffic],
        "lines": summary.lines,
        "unreadable": [{"file": str(one.file), "line": one.line} for one in summary.unreadable],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "directory": str(run.directory),
        "manifest": None if run.manifest is None else asdict(run.manifest),
    }


def _operation(one: Operation) -> dict[str, Any]:
    return {
        "service": one.service,
        "side": one.side,
        "name": one.name,
        "method": one.method,
        "latency": asdict(one.latency),
        "errors": dict(one.errors),
        "budget": asdict(one.budget),
        "met": one.met,
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
