"""What the tables of all reports list, whatever they look like there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from groundhog_otel.load.judgement.changes import Change, Comparison, Finding, OperationChange
from groundhog_otel.load.links.finding import Link
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.wording import error_name, percent_name, relative, short
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.report.units import duration, share

__all__ = ("ChangeRow", "ErrorRow", "SlowRow", "change_rows", "error_rows", "slow_rows")


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One kind of error of one operation."""

    count: int
    operation: str
    error: str
    message: str
    """Of one of them, shortened."""


@dataclass(frozen=True, slots=True)
class SlowRow:
    """One of the slowest requests."""

    request: Request
    link: Link | None
    """None where no trace was looked for."""
    due_s: float
    """After the beginning of what is counted; seconds."""
    waited_s: float
    """Between being due and being sent; seconds."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One measure of one operation, beside the baseline."""

    finding: Finding | None
    """Of the operation, in its first row; None in the others."""
    operation: str
    """In its first row; empty in the others."""
    measure: str
    before: str
    now: str
    change: Change | None
    """None for what is no latency."""
    told: str


def error_rows(result: LoadResult) -> list[ErrorRow]:
    """Return the errors, the most frequent first."""
    rows = (
        ErrorRow(count, one.name, error_name(kind), short(one.messages.get(kind, "")))
        for one in result.operations
        for kind, count in one.errors.items()
    )
    return sorted(rows, key=lambda row: (-row.count, row.operation, row.error))


def slow_rows(report: Report) -> list[SlowRow]:
    """Return the slowest requests, the slowest first."""
    known = {link.request.trace_id: link for link in report.links}
    return [
        SlowRow(
            request=one,
            link=known.get(one.trace_id),
            due_s=(one.intended_ns - report.result.started_at_ns) / 1e9,
            waited_s=max(one.response_s - one.service_s, 0.0),
        )
        for one in report.result.slowest
    ]


def change_rows(comparison: Comparison) -> Iterator[ChangeRow]:
    """Yield what has changed, operation by operation."""
    for one in comparison.operations:
        finding: Finding | None = one.finding
        name = one.name
        for measure, before, now, change, told in _measures(one):
            yield ChangeRow(finding, name, measure, before, now, change, told)
            finding, name = None, ""


def _measures(one: OperationChange) -> Iterator[tuple[str, str, str, Change | None, str]]:
    for change in one.changes:
        values = duration(change.baseline_s), duration(change.now_s)
        yield percent_name(change.percent), *values, change, relative(change)
    if one.lacking:
        yield "latency", "", "", None, one.lacking
    errors = one.errors
    if errors.baseline or errors.now:
        yield "errors", share(errors.baseline), share(errors.now), None, errors.finding
