"""What is made of a recording, on a terminal: the verdicts, the findings, and what was tried against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.report.content import Report
from groundhog_otel.report.optimizations import MEASURES, Optimization
from groundhog_otel.report.printer import Printer, columns
from groundhog_otel.report.units import amount
from groundhog_otel.report.wording import (
    amount_of,
    change,
    confidence,
    effect_amount,
    gain,
    headline,
    outcome,
    savings,
)

__all__ = ("print_budgets", "print_findings", "print_optimizations")

_MOST_FINDINGS: Final = 10
_STYLES: Final = {"met": "green", "over": "bold red", "n/a": "dim"}


def print_budgets(out: Printer, report: Report) -> None:
    """Print every budget, also those for which nothing was recorded."""
    out.title(headline(report))
    table = columns("Budget", "Limit", "Worst", "", "Of", right=2)
    table.columns[-1].no_wrap = False
    for one in report.verdicts:
        table.add_row(
            one.budget,
            amount_of(one.quantity, one.limit),
            "n/a" if one.measured is None else amount_of(one.quantity, one.measured),
            Text(outcome(one), _STYLES[outcome(one)]),
            Text(out.plain(one.worst or one.missing), "" if one.worst else "dim"),
        )
    out.table(table)


def print_findings(out: Printer, findings: Sequence[Finding] | None) -> None:
    """Print what costs time; nothing when nobody looked."""
    if findings is None:
        return
    out.title("Findings")
    if not findings:
        out.line("No detector has found anything that costs time.")
    for number, one in enumerate(findings[:_MOST_FINDINGS], 1):
        out.line(f"{number}. {one.says} {one.advice}")
        out.line(f"   {gain(one)}; {confidence(one)}", "dim")
        traces = [evidence.trace_id for evidence in one.evidence if evidence.trace_id is not None]
        if traces:
            out.line(f"   groundhog report --trace {traces[0]}", "dim")
    if len(findings) > _MOST_FINDINGS:
        out.line(f"… and {amount(len(findings) - _MOST_FINDINGS, 'more finding')}")


def print_optimizations(out: Printer, tried: Sequence[Optimization]) -> None:
    """Print what the optimiser tried, where it did."""
    if not tried:
        return
    out.title("Optimisations")
    for one in tried:
        out.line(f"{one.action}: {one.outcome}{f', {one.why}' if one.why else ''}")
        if savings(one):
            out.line(f"  {savings(one)}", "dim")
        for effect in one.effects:
            before, after = (effect_amount(effect, value) for value in (effect.without, effect.changed))
            out.line(f"  {MEASURES[effect.measure]}: {before} to {after}, {change(effect)}, {effect.finding}")
