"""Single requests: which failed, which were slow, and in what their time was spent."""

from __future__ import annotations

from collections import Counter
from typing import Final

from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.rows import SlowRow, error_rows, slow_rows
from groundhog_otel.load.reporting.terminal.printer import Printer, columns
from groundhog_otel.load.reporting.wording import error_name, known_of
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.report.units import amount, duration, share

__all__ = ("errors", "latency_budget", "slowest")

_MOST_ERRORS: Final = 10


def errors(out: Printer, result: LoadResult) -> None:
    """Print the most frequent errors."""
    rows = error_rows(result)
    if not rows:
        return
    out.title("Errors")
    table = columns("Count", "Operation", "Error", "One message of it", right=(0,))
    for one in rows[:_MOST_ERRORS]:
        table.add_row(f"{one.count:,}", *map(out.text, (one.operation, one.error, one.message)))
    out.table(table)
    if len(rows) > _MOST_ERRORS:
        out.line(f"… and {amount(len(rows) - _MOST_ERRORS, 'more kind')}")


def latency_budget(out: Printer, budget: Budget) -> None:
    """Print the parts of the latency."""
    out.title(f"Where the time goes (mean of {amount(budget.requests, 'request')})")
    table = columns("Part", "Mean", "Share", "", right=(1, 2))
    for part in budget.parts:
        table.add_row(out.text(part.name), duration(part.seconds), share(part.share), out.bar(round(part.share * 40)))
    table.add_row("total", duration(budget.seconds), share(sum(part.share for part in budget.parts)))
    out.table(table)
    out.line(known_of(budget), "dim")


def slowest(out: Printer, report: Report) -> None:
    """Print the slowest requests, and where their traces are."""
    rows = slow_rows(report)
    if not rows:
        return
    out.title("Slowest")
    for row in rows:
        one = row.request
        error = f", {error_name(one.error)}" if one.error else ""
        waited = f", waited {duration(row.waited_s)}" if row.waited_s > 0 else ""
        out.hanging(f"{duration(one.response_s):>7}  {one.operation}, due at {row.due_s:.2f} s{waited}{error}", 9)
        out.unbroken(f"         {_trace(row)}", "dim")
    lacking = Counter(link.missing for link in report.links if link.found and link.missing)
    for missing, number in lacking.items():
        out.line(f"In {number} of them {missing}", "yellow")


def _trace(row: SlowRow) -> str:
    trace_id, link = row.request.trace_id, row.link
    if link is None or not link.found:
        missing = "" if link is None else f", {link.missing or 'not stored'}"
        return f"trace {trace_id}{missing}"
    return link.command or link.url_or_file or trace_id
