"""The report on a terminal, or in a file that it is redirected to: 80 columns are enough, colours are not needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.analysis.operations import Operation, error_of
from groundhog_otel.analysis.summary import Summary
from groundhog_otel.analysis.sums import process_label
from groundhog_otel.analysis.usage import Statistic
from groundhog_otel.analysis.waterfall import Row, Waterfall
from groundhog_otel.report.content import Report
from groundhog_otel.report.optimizations import MEASURES, Optimization
from groundhog_otel.report.units import amount, duration, share, size
from groundhog_otel.report.wording import (
    amount_of,
    change,
    confidence,
    effect_amount,
    gain,
    headline,
    outcome,
    savings,
    story,
)
from groundhog_otel.store.model import Process

__all__ = ("print_report", "print_trace")

_MOST_ROWS: Final = 25
_MOST_ERRORS: Final = 10
_MOST_FINDINGS: Final = 10
_MOST_UNREADABLE: Final = 5
_WIDEST: Final = 120


def print_report(report: Report, console: Console | None = None) -> None:
    """Print all of a report."""
    out = _Printer(console or Console(highlight=False, markup=False, emoji=False))
    summary = report.summary
    out.head(summary)
    out.budgets(report)
    out.findings(report.findings)
    out.operations(summary)
    if summary.slowest is not None:
        out.waterfall(summary.slowest)
    out.usage(summary)
    out.optimizations(report.optimizations)
    out.unreadable(summary)


def print_trace(trace: Waterfall, console: Console | None = None) -> None:
    """Print one trace."""
    out = _Printer(console or Console(highlight=False, markup=False, emoji=False))
    out.waterfall(trace, title=f"{trace.slowest.name}, {duration(trace.duration_s)}, trace {trace.trace_id}")


class _Printer:
    """Prints the parts of a report one below the other."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST)
        self._bar = "█" if console.encoding.startswith("utf") else "#"

    def _plain(self, text: str) -> str:
        """Return text that came from elsewhere, without what would move the cursor or cannot be printed here."""
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        return shown.encode(self._console.encoding, "replace").decode(self._console.encoding)

    def _line(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(self._plain(text), style=style), width=self._width)

    def _table(self, table: Table) -> None:
        self._console.print(table, width=self._width)

    def _title(self, text: str) -> None:
        self._line()
        self._line(text, "bold")

    def head(self, summary: Summary) -> None:
        if len(summary.runs) == 1:
            run = summary.runs[0]
            self._line(f"Run {run.run_id}", "bold")
            self._line(story(run))
        else:
            self._line(f"{len(summary.runs)} runs, {summary.runs[0].run_id} to {summary.runs[-1].run_id}", "bold")
        self._line(f"{amount(summary.spans, 'span')} from {_processes(summary.processes)}")

    def budgets(self, report: Report) -> None:
        self._title(headline(report))
        table = _columns("Budget", "Limit", "Worst", "", "Of", right=2)
        for one in report.verdicts:
            said = outcome(one)
            table.add_row(
                one.budget,
                amount_of(one.quantity, one.limit),
                "n/a" if one.measured is None else amount_of(one.quantity, one.measured),
                Text(said, {"met": "green", "over": "bold red", "n/a": "dim"}[said]),
                Text(self._plain(one.worst or one.missing), "" if one.worst else "dim"),
            )
        table.columns[-1].no_wrap = False
        self._table(table)

    def findings(self, findings: Sequence[Finding] | None) -> None:
        if findings is None:
            return
        self._title("Findings")
        if not findings:
            self._line("No detector has found anything that costs time.")
        for number, one in enumerate(findings[:_MOST_FINDINGS], 1):
            self._line(f"{number}. {one.says} {one.advice}")
            self._line(f"   {gain(one)}; {confidence(one)}", "dim")
            traces = [evidence.trace_id for evidence in one.evidence if evidence.trace_id is not None]
            if traces:
                self._line(f"   groundhog report --trace {traces[0]}", "dim")
        if len(findings) > _MOST_FINDINGS:
            self._line(f"… and {amount(len(findings) - _MOST_FINDINGS, 'more finding')}")

    def operations(self, summary: Summary) -> None:
        self._title("MCP operations")
        if not summary.operations:
            self._line(
                f"None was recorded ({amount(summary.other_spans, 'other span')}). "
                "Is the program an MCP server or client, of an mcp package from 1.10 to 2.x, and was it used?"
            )
            return
        table = _columns("Operation", "Calls", "Errors", "p50", "p90", "p99", "Budget", right=5)
        service = None
        for one in summary.operations:
            if (one.service, one.side) != service:
                service = (one.service, one.side)
                table.add_row(Text(self._plain(f"{one.service} ({one.side})"), style="bold"))
            table.add_row(*self._operation(one))
        self._table(table)
        self._verdict(summary)

    def _operation(self, one: Operation) -> tuple[Text | Padding, ...]:
        verdict = Text("met", "green") if one.met else Text("over", "bold red")
        return (
            Padding(Text(self._plain(one.name)), (0, 0, 0, 2)),
            Text(str(one.latency.count)),
            Text(str(one.error_count), "red" if one.errors else ""),
            Text(duration(one.latency.p50_s)),
            Text(duration(one.latency.p90_s)),
            Text(duration(one.latency.p99_s)),
            Text.assemble(f"{duration(one.budget.limit_s):>6} ", verdict),
        )

    def _verdict(self, summary: Summary) -> None:
        few = any(one.latency.p99_is_max for one in summary.operations)
        self._line(
            f"Budgets are for p99.{' With fewer than 100 calls, that is the slowest one.' if few else ''}", "dim"
        )
        failed = [one for one in summary.operations if one.errors]
        for one in failed[:_MOST_ERRORS]:
            kinds = ", ".join(f"{count} {kind}" for kind, count in one.errors)
            self._line(f"Errors of {one.name} ({one.side}): {kinds}")
        if len(failed) > _MOST_ERRORS:
            self._line(f"… and errors of {amount(len(failed) - _MOST_ERRORS, 'more operation')}")
        met = len(summary.operations) - len(summary.missed)
        self._line(f"{met} of {amount(len(summary.operations), 'operation')} within budget.", "bold")

    def waterfall(self, trace: Waterfall, *, title: str | None = None) -> None:
        slowest = trace.slowest
        self._title(title or f"Slowest: {slowest.name}, {duration(slowest.duration_s)}, trace {trace.trace_id}")
        rows = trace.rows[:_MOST_ROWS]
        names = [f"{'  ' * min(row.depth, 8)}{row.span.name}" for row in rows]
        wide = min(max(map(len, names)), self._width * 2 // 5)
        service_wide = min(max(len(row.span.process.service) for row in rows), self._width // 5)
        bar_wide = max(self._width - wide - service_wide - 12, 10)
        table = Table.grid(padding=(0, 1))
        table.add_column(width=wide, overflow="ellipsis", no_wrap=True)
        table.add_column(width=service_wide, overflow="ellipsis", no_wrap=True)
        table.add_column(width=bar_wide, no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for name, row in zip(names, rows, strict=True):
            table.add_row(
                Text(self._plain(name)),
                Text(self._plain(row.span.process.service), "dim"),
                self._drawn(row, trace.duration_s, bar_wide),
                Text(duration(row.span.duration_s)),
            )
        self._table(table)
        if len(trace.rows) > len(rows):
            self._line(f"… and {amount(len(trace.rows) - len(rows), 'more span')}")
        if any(row.orphan for row in trace.rows):
            self._line("The parent of the outermost span was not recorded: its process was not, or was killed.", "dim")

    def _drawn(self, row: Row, whole_s: float, width: int) -> Text:
        scale = width / whole_s if whole_s > 0 else 0.0
        start = min(int(row.offset_s * scale), width - 1)
        length = min(max(round(row.span.duration_s * scale), 1), width - start)
        return Text(" " * start + self._bar * length, "red" if error_of(row.span) else "cyan")

    def usage(self, summary: Summary) -> None:
        self._title("Processes")
        if not summary.usage:
            self._line("No process.* metrics were recorded.")
        else:
            table = _columns("Process", "CPU avg", "max", "Memory avg", "max", "Disk read", "written", right=6)
            for one in summary.usage:
                table.add_row(
                    self._plain(process_label(one.process)),
                    *_two(one.cpu_share, share),
                    *_two(one.memory_bytes, size),
                    *("-" if io is None else size(io.total) for io in (one.disk_read_bytes, one.disk_written_bytes)),
                )
            self._table(table)
            self._line("CPU is a share of the CPUs that the process may use.", "dim")
        for traffic in summary.host_traffic:
            self._line(
                f"Network of the host, {traffic.interface}: {size(traffic.received_bytes.total)} in, "
                f"{size(traffic.sent_bytes.total)} out, within {duration(traffic.observed_s)}"
            )

    def optimizations(self, tried: Sequence[Optimization]) -> None:
        if not tried:
            return
        self._title("Optimisations")
        for one in tried:
            self._line(f"{one.action}: {one.outcome}{f', {one.why}' if one.why else ''}")
            if savings(one):
                self._line(f"  {savings(one)}", "dim")
            for effect in one.effects:
                before, after = (effect_amount(effect, value) for value in (effect.without, effect.changed))
                self._line(f"  {MEASURES[effect.measure]}: {before} to {after}, {change(effect)}, {effect.finding}")

    def unreadable(self, summary: Summary) -> None:
        if not summary.unreadable:
            return
        self._line()
        places = [f"{one.file.parent.name}/{one.file.name}:{one.line}" for one in summary.unreadable]
        more = f" and {len(places) - _MOST_UNREADABLE} more" if len(places) > _MOST_UNREADABLE else ""
        self._line(
            f"{len(places)} of {amount(summary.lines, 'line')} unreadable, and left out: "
            f"{', '.join(places[:_MOST_UNREADABLE])}{more}",
            "yellow",
        )


def _columns(*names: str, right: int) -> Table:
    """Return a table without lines: a column of text that may wrap, then ``right`` columns of numbers, then text."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=False)
    for index, name in enumerate(names):
        number = 0 < index <= right
        table.add_column(name, justify="right" if number else "left", no_wrap=index > 0, overflow="fold")
    return table


def _two(statistic: Statistic | None, unit: Callable[[float], str]) -> tuple[str, str]:
    if statistic is None:
        return "-", "-"
    return unit(statistic.avg), unit(statistic.max)


def _processes(processes: tuple[Process, ...]) -> str:
    if len(processes) > 8:
        return amount(len(processes), "process").replace("processs", "processes")
    return ", ".join(map(process_label, processes)) or "no process"
