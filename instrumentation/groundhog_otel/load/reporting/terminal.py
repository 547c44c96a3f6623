"""The result on a terminal, or in a file that it is redirected to: 80 columns are enough, colours are not needed."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundhog_otel.load.judgement.comparison import Comparison
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.links.finding import Link
from groundhog_otel.load.reporting.advice import next_step
from groundhog_otel.load.reporting.figures import Figures, OperationFigures, Percentile, figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.wording import (
    cores,
    error_name,
    headline,
    how,
    interval,
    knee,
    known_of,
    need,
    percent_name,
    relative,
    remarks,
    sentence,
    short,
    tested,
    waited_s,
)
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.load.scaling.metrics import ScalingMetrics
from groundhog_otel.report.units import amount, between, duration, rate, share, size

__all__ = ("print_result",)

_SHOWN: Final = (50.0, 90.0, 99.0, 99.9)
_MOST_OPERATIONS: Final = 20
_MOST_ERRORS: Final = 10
_WIDEST: Final = 100
_FINDINGS: Final = {"better": "green", "worse": "bold red"}
_OUTCOMES: Final = {
    "passed": ("met", "green"), "failed": ("MISSED", "bold red"), "undecided": ("undecided", "bold yellow"),
}  # fmt: skip


def print_result(report: Report, console: Console | None = None) -> None:
    """Print a load test."""
    out = _Printer(console or Console(highlight=False, markup=False, emoji=False))
    numbers = figures(report)
    out.head(report, numbers)
    out.checks(report)
    out.operations(numbers)
    out.errors(report.result)
    if report.budget is not None:
        out.budget(report.budget)
    out.slowest(report.result, report.links)
    if report.comparison is not None:
        out.comparison(report.comparison, report.baseline)
    if report.scaling is not None:
        out.scaling(report.scaling)
    out.self_check(report.result)
    out.next(report, numbers)


class _Printer:
    """Prints the parts of a result one below the other."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST)
        self._utf = console.encoding.startswith("utf")

    def _plain(self, text: str) -> str:
        """Return text that came from elsewhere, without what would move the cursor or cannot be printed here."""
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        if not self._utf:
            shown = shown.replace("\N{EN DASH}", "-").replace("…", "...")
        return shown.encode(self._console.encoding, "replace").decode(self._console.encoding)

    def _line(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(self._plain(text), style=style), width=self._width)

    def _text(self, text: str, style: str = "") -> Text:
        return Text(self._plain(text), style)

    def _title(self, text: str) -> None:
        self._line()
        self._line(text, "bold")

    def _table(self, table: Table) -> None:
        self._console.print(table, width=self._width)

    def head(self, report: Report, numbers: Figures) -> None:
        result = report.result
        self._line(headline(report), "bold green" if report.verdict.passed else "bold red")
        for remark in remarks(report):
            self._line(remark, "yellow" if report.verdict.valid else "red")
        self._line()
        self._line(tested(result))
        self._line(how(result))
        rest = f", {amount(result.unfinished, 'request')} given up" if result.unfinished else ""
        self._line(
            f"{amount(numbers.count, 'request')}, {rate(numbers.rate)}, {amount(numbers.errors, 'error')}{rest}; "
            f"run {result.run_id}"
        )

    def checks(self, report: Report) -> None:
        if not report.verdict.checks:
            return
        self._title("Thresholds")
        table = _columns("", "", right=())
        table.show_header = False
        for one in report.verdict.checks:
            table.add_row(Text(*_OUTCOMES[one.outcome]), self._text(sentence(one)))
        self._table(table)

    def operations(self, numbers: Figures) -> None:
        self._title("Latency")
        if not numbers.operations:
            self._line("No request was answered after the warm-up.")
            return
        table = _latency_table()
        table.add_row("", *(Text(name, "dim") for name in (*map(percent_name, _SHOWN), "max")))
        self._table(table)
        for one in numbers.operations[:_MOST_OPERATIONS]:
            self._operation(one)
        if len(numbers.operations) > _MOST_OPERATIONS:
            self._line(f"… and {amount(len(numbers.operations) - _MOST_OPERATIONS, 'more operation')}")
        self._line(
            "Response is from the moment a request was due, service from the moment it was sent. Below a value is the "
            "interval that holds the true one (95 %).",
            "dim",
        )

    def _operation(self, one: OperationFigures) -> None:
        errors = Text(amount(one.errors, "error"), "red" if one.errors else "")
        share_ = f" ({share(one.error_share)})" if one.errors else ""
        self._console.print(
            Text.assemble(
                (self._plain(one.name), "bold"), f": {amount(one.count, 'request')}, {rate(one.rate)}, ", errors, share_
            ),
            width=self._width,
        )
        response, service = ([each for each in kind if each.percent in _SHOWN] for kind in (one.response, one.service))
        table = _latency_table()
        table.add_row("  response", *map(self._value, response), duration(one.response_max_s))
        table.add_row("", *(self._interval(each) for each in response))
        table.add_row("  service", *map(self._value, service), duration(one.service_max_s))
        self._table(table)

    def _value(self, one: Percentile) -> Text:
        return Text("too few", "dim") if one.value_s is None else Text(duration(one.value_s))

    def _interval(self, one: Percentile) -> Text:
        if one.value_s is None:
            return self._text(f"needs {one.needed:,}", "dim")
        return self._text(between(one.low_s, one.high_s), "dim")

    def errors(self, result: LoadResult) -> None:
        rows = [
            (count, one.name, kind, short(one.messages.get(kind, "")))
            for one in result.operations
            for kind, count in one.errors.items()
        ]
        if not rows:
            return
        self._title("Errors")
        table = _columns("Count", "Operation", "Error", "One message of it", right=(0,))
        for count, name, kind, message in sorted(rows, reverse=True)[:_MOST_ERRORS]:
            table.add_row(Text(f"{count:,}"), *(self._text(text) for text in (name, error_name(kind), message)))
        self._table(table)
        if len(rows) > _MOST_ERRORS:
            self._line(f"… and {amount(len(rows) - _MOST_ERRORS, 'more kind')}")

    def budget(self, budget: Budget) -> None:
        self._title(f"Where the time goes (mean of {amount(budget.requests, 'request')})")
        table = _columns("Part", "Mean", "Share", "", right=(1, 2))
        for part in budget.parts:
            bar = ("█" if self._utf else "#") * round(part.share * 40)
            table.add_row(self._text(part.name), duration(part.seconds), share(part.share), Text(bar, "cyan"))
        table.add_row("total", duration(budget.seconds), share(sum(part.share for part in budget.parts)))
        self._table(table)
        self._line(known_of(budget), "dim")

    def slowest(self, result: LoadResult, links: tuple[Link, ...]) -> None:
        if not result.slowest:
            return
        self._title("Slowest")
        known = {link.request.trace_id: link for link in links}
        for one in result.slowest:
            at_s = (one.intended_ns - result.started_at_ns) / 1e9
            error = f", {error_name(one.error)}" if one.error else ""
            waited = f", waited {duration(waited_s(one))}" if waited_s(one) > 0 else ""
            self._line(f"{duration(one.response_s):>7}  {one.operation}, due at {at_s:.2f} s{waited}{error}")
            # A link that is broken into lines cannot be followed.
            where = self._plain(self._trace(one, known.get(one.trace_id)))
            self._console.print(Text(f"         {where}", "dim"), soft_wrap=True)
        lacking = [link.missing for link in links if link.found and link.missing]
        for missing, number in Counter(lacking).items():
            self._line(f"In {number} of them {missing}", "yellow")

    def _trace(self, request: Request, link: Link | None) -> str:
        if link is None or not link.found:
            missing = "" if link is None else f", {link.missing or 'not stored'}"
            return f"trace {request.trace_id}{missing}"
        return link.command or link.url_or_file or request.trace_id

    def comparison(self, comparison: Comparison, baseline: str) -> None:
        self._title(f"Beside the baseline {baseline}")
        table = _columns("", "Operation", "", "Before", "Now", "Change", right=(3, 4))
        for one in comparison.operations:
            first = [Text(one.finding, _FINDINGS.get(one.finding, "")), self._text(one.name)]
            for change in one.changes:
                values = (duration(change.baseline_s), duration(change.now_s), relative(change))
                table.add_row(*first, percent_name(change.percent), *values)
                first = [Text(), Text()]
            if one.errors.finding in _FINDINGS:
                table.add_row(*first, "errors", share(one.errors.baseline), share(one.errors.now))
            elif not one.changes:
                table.add_row(*first, "", "", "", self._text(one.sentence))
        self._table(table)
        for note in comparison.notes:
            self._line(note, "yellow")

    def scaling(self, scaling: ScalingMetrics) -> None:
        self._title("Scaling")
        table = _columns("At once", "Rate", "p50", "p99", "Errors", "CPU", "Memory", "", right=range(7))
        most = max((step.requests_per_s for step in scaling.steps), default=0.0)
        for step in scaling.steps:
            length = round(step.requests_per_s / most * 22) if most else 0
            cpu, memory = step.use.cpu_cores, step.use.memory_bytes
            table.add_row(
                str(step.concurrency), rate(step.requests_per_s), duration(step.p50_s), duration(step.p99_s),
                share(step.error_rate), "-" if cpu is None else f"{cpu:.2f}", "-" if memory is None else size(memory),
                Text("left out", "yellow") if step.faults else Text(("█" if self._utf else "#") * length, "cyan"),
            )  # fmt: skip
        self._table(table)
        fit = scaling.fit
        if fit is not None:
            self._line(f"Most throughput: {knee(fit)}.")
            self._line(f"Contention {interval(fit.contention, '.2g')}, coherency {interval(fit.coherency, '.2g')}.")
        for one in scaling.needs:
            self._line(f"{need(one)}: {cores(one)}")
            self._line(f"  {one.basis}", "dim")
        for note in scaling.notes:
            self._line(note, "yellow")

    def self_check(self, result: LoadResult) -> None:
        if not result.self_checks:
            return
        self._title("The generator itself")
        table = _columns("Worker", "CPU", "at most", "Late p50", "p99", "at most", "GC at most", right=range(7))
        for one in result.self_checks:
            late = (one.scheduling_error_p50_s, one.scheduling_error_p99_s, one.scheduling_error_max_s)
            table.add_row(
                str(one.worker), share(one.cpu_share), share(one.cpu_share_max), *map(duration, late),
                duration(one.gc_pause_max_s),
            )  # fmt: skip
        self._table(table)

    def next(self, report: Report, numbers: Figures) -> None:
        self._line()
        self._line(f"Next: {next_step(report, numbers)}", "bold")


def _latency_table() -> Table:
    table = Table.grid(padding=(0, 0))
    table.add_column(width=10, no_wrap=True)
    for _ in (*_SHOWN, "max"):
        table.add_column(width=13, justify="right", no_wrap=True)
    return table


def _columns(*names: str, right: tuple[int, ...] | range) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=False)
    for index, name in enumerate(names):
        number = index in right
        table.add_column(name, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table
