"""The report as Markdown, for a pull request, an issue or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from groundhog_otel.analysis.operations import Operation, error_of
from groundhog_otel.analysis.waterfall import Waterfall
from groundhog_otel.report.content import Report
from groundhog_otel.report.optimizations import MEASURES
from groundhog_otel.report.units import duration
from groundhog_otel.report.wording import (
    BUDGETS,
    amount_of,
    began,
    change,
    confidence,
    effect_amount,
    facts,
    gain,
    headline,
    kind_of,
    outcome,
    savings,
    story,
    title,
)

__all__ = ("as_markdown",)

_SPECIAL: Final = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")
"""What Markdown, or HTML in it, would take for its own; within a word, ``_`` is a letter."""
_MOST_ROWS: Final = 40
_MOST_EVIDENCE: Final = 3


def as_markdown(report: Report) -> str:
    """Return the report as one document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    summary = report.summary
    yield f"# {_plain(title(summary))}\n"
    yield f"**{_plain(headline(report))}**\n"
    yield ", ".join(f"{name}: {value}" for name, value in (("began", began(report) or "-"), *facts(report))) + ".\n"
    yield from (f"{_plain(story(run))}\n" for run in summary.runs if len(summary.runs) == 1)
    yield "## Budgets\n"
    yield from _table(("", "Budget", "Limit", "Worst", "Where"), _budget_rows(report), right=(2, 3))
    if report.findings is not None:
        yield "\n## Findings\n"
        yield from _findings(report)
    yield "\n## Latency\n"
    head = ("", "Operation", "Service", "Calls", "Errors", "p50", "p90", "p99", "max", "Budget")
    if summary.operations:
        yield from _table(head, map(_operation, summary.operations), right=range(3, 10))
    else:
        yield "No MCP operation was recorded."
    if summary.slowest is not None:
        yield "\n## Slowest trace\n"
        yield from _trace(summary.slowest)
    if report.trends:
        yield "\n## Over time\n"
        yield from _table(
            ("Quantity", "Process", "Least", "Mean", "Most", "Last"), _trend_rows(report), right=range(2, 6)
        )
    if report.optimizations:
        yield "\n## Optimisations\n"
        tried = ("Tried", "Measure", "Before", "After", "Change", "", "Outcome")
        yield from _table(tried, _optimization_rows(report), right=(2, 3))
    if summary.unreadable:
        yield f"\n{len(summary.unreadable):,} of {summary.lines:,} lines could not be read, and were left out."
    if report.versions:
        yield "\nRecorded by " + ", ".join(_plain(f"{name} {version}") for name, version in report.versions) + "."


def _budget_rows(report: Report) -> Iterator[Sequence[str]]:
    for one in report.verdicts:
        worst = "n/a" if one.measured is None else amount_of(one.quantity, one.measured)
        where = one.missing if one.measured is None else f"{one.worst}; {one.within} of {one.judged} within"
        yield _strong(outcome(one)), BUDGETS[one.budget], amount_of(one.quantity, one.limit), worst, where


def _findings(report: Report) -> Iterator[str]:
    if not report.findings:
        yield "No detector has found anything that costs time."
    for number, one in enumerate(report.findings or (), 1):
        about = f"{one.target}, {one.service}" if one.target else one.service
        yield f"{number}. **{_plain(one.says)}**  "
        yield f"   {_plain(kind_of(one))}, {_plain(about)}. {_plain(one.advice)}  "
        yield f"   To gain: {gain(one)}. Confidence: {confidence(one)}."
        for evidence in one.evidence[:_MOST_EVIDENCE]:
            place = f" (trace `{_code(evidence.trace_id)}`)" if evidence.trace_id else ""
            yield f"   - {_plain(evidence.says)}{place}"


def _operation(one: Operation) -> Sequence[str]:
    latency = one.latency
    times = (latency.p50_s, latency.p90_s, latency.p99_s, latency.max_s, one.budget.limit_s)
    errors = ", ".join(f"{count} {kind}" for kind, count in one.errors) or "0"
    return (
        _strong("met" if one.met else "over"), one.name, f"{one.service} ({one.side})", f"{latency.count:,}", errors,
        *map(duration, times),
    )  # fmt: skip


def _trace(trace: Waterfall) -> Iterator[str]:
    yield f"Trace `{_code(trace.trace_id)}`, {duration(trace.duration_s)}:\n"
    for row in trace.rows[:_MOST_ROWS]:
        error = error_of(row.span)
        failed = f", **{_plain(error)}**" if error else ""
        said = f"{_plain(row.span.name)} ({_plain(row.span.process.service)}): {duration(row.span.duration_s)}"
        after = f", after {duration(row.offset_s)}" if row.offset_s > 0 else ""
        yield f"{'  ' * min(row.depth, 8)}- {said}{after}{failed}"
    if len(trace.rows) > _MOST_ROWS:
        yield f"\n… and {len(trace.rows) - _MOST_ROWS:,} more spans"


def _trend_rows(report: Report) -> Iterator[Sequence[str]]:
    for trend in report.trends:
        for line in trend.lines:
            values = [point.value for point in line.points]
            told = (min(values), sum(values) / len(values), max(values), values[-1])
            yield trend.title, line.name, *(amount_of(trend.unit, value) for value in told)


def _optimization_rows(report: Report) -> Iterator[Sequence[str]]:
    for one in report.optimizations:
        said = f"{one.outcome}: {one.why}" if one.why else one.outcome
        tried = f"{one.action}: {savings(one)}" if savings(one) else one.action
        if not one.effects:
            yield tried, "not measured", "", "", "", "", said
        for number, effect in enumerate(one.effects):
            values = (effect_amount(effect, effect.without), effect_amount(effect, effect.changed))
            first, last = (tried, said) if not number else ("", "")
            yield first, MEASURES[effect.measure], *values, change(effect), effect.finding, last


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> Iterator[str]:
    numbers = frozenset(right)
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---:' if index in numbers else '---' for index in range(len(head)))}|"
    for row in rows:
        yield f"| {' | '.join(cell if isinstance(cell, _Strong) else _plain(cell) for cell in row)} |"


class _Strong(str):
    """A text that is Markdown already."""

    __slots__ = ()


def _strong(text: str) -> str:
    return _Strong(f"**{text}**" if text == "over" else text)


def _plain(text: str) -> str:
    """Return text that came from elsewhere as Markdown shows it, in one line."""
    return _SPECIAL.sub(r"\\\1", "".join(letter if letter.isprintable() else " " for letter in text))


def _code(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())
