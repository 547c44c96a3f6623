"""All of a result, from top to bottom."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from groundhog_otel.load.reporting.advice import next_step
from groundhog_otel.load.reporting.figures import Figures, figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.terminal import beside, requests
from groundhog_otel.load.reporting.terminal.latency import latency
from groundhog_otel.load.reporting.terminal.printer import Printer, columns
from groundhog_otel.load.reporting.wording import headline, how, remarks, sentence, tested
from groundhog_otel.report.units import amount, rate

__all__ = ("print_result",)

_OUTCOMES: Final = {
    "passed": ("met", "green"), "failed": ("MISSED", "bold red"), "undecided": ("undecided", "bold yellow"),
}  # fmt: skip


def print_result(report: Report, console: Console | None = None) -> None:
    """Print a load test."""
    out = Printer(console or Console(highlight=False, markup=False, emoji=False))
    numbers = figures(report)
    _head(out, report, numbers)
    if report.scaling is not None:
        beside.scaling(out, report.scaling)
    _checks(out, report)
    latency(out, numbers)
    requests.errors(out, report.result)
    if report.budget is not None:
        requests.latency_budget(out, report.budget)
    requests.slowest(out, report)
    if report.comparison is not None:
        beside.comparison(out, report.comparison, report.baseline)
    beside.self_check(out, report.result)
    out.line()
    out.line(f"Next: {next_step(report, numbers)}", "bold")


def _head(out: Printer, report: Report, numbers: Figures) -> None:
    result = report.result
    out.line(headline(report), "bold green" if report.verdict.passed else "bold red")
    for remark in remarks(report):
        out.line(remark, "yellow" if report.verdict.valid else "red")
    out.line()
    out.line(tested(result))
    out.line(how(result))
    rest = f", {amount(result.unfinished, 'request')} given up" if result.unfinished else ""
    out.line(
        f"{amount(numbers.count, 'request')}, {rate(numbers.rate)}, {amount(numbers.errors, 'error')}{rest}; "
        f"run {result.run_id}"
    )


def _checks(out: Printer, report: Report) -> None:
    if not report.verdict.checks:
        return
    out.title("Thresholds")
    table = columns("", "", right=())
    table.show_header = False
    for one in report.verdict.checks:
        table.add_row(Text(*_OUTCOMES[one.outcome]), out.text(sentence(one)))
    out.table(table)
