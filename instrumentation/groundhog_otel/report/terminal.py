"""The report on a terminal, or in a file that it is redirected to: 80 columns are enough, colours are not needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from groundhog_otel.analysis.operations import Operation, error_of
from groundhog_otel.analysis.summary import Summary
from groundhog_otel.analysis.sums import process_label
from groundhog_otel.analysis.usage import Statistic
from groundhog_otel.analysis.waterfall import Row, Waterfall
from groundhog_otel.report.content import Report
from groundhog_otel.report.judgement import print_budgets, print_findings, print_optimizations
from groundhog_otel.report.printer import Printer, columns
from groundhog_otel.report.units import amount, duration, share, size
from groundhog_otel.report.wording import story
from groundhog_otel.store.model import Process

__all__ = ("print_report", "print_trace")

_MOST_ROWS: Final = 25
_MOST_ERRORS: Final = 10
_MOST_UNREADABLE: Final = 5


def print_report(report: Report, console: Console | None = None) -> None:
    """Print all of a report."""
    out = _Printer(console)
    summary = report.summary
    out.head(summary)
    print_budgets(out, report)
    print_findings(out, report.findings)
    out.operations(summary)
    if summary.slowest is not None:
        out.waterfall(summary.slowest)
    out.usage(summary)
    print_optimizations(out, report.optimizations)
    out.unreadable(summary)


def print_trace(trace: Waterfall, console: Console | None = None) -> None:
    """Print one trace."""
    out = _Printer(console)
    out.waterfall(trace, title=f"{trace.slowest.name}, {duration(trace.duration_s)}, trace {trace.trace_id}")


class _Printer(Printer):
    """Prints the parts of a report one below the other."""

    def head(self, summary: Summary) -> None:
        if len(summary.runs) == 1:
            run = summary.runs[0]
            self.line(f"Run {run.run_id}", "bold")
            self.line(story(run))
        else:
            self.line(f"{len(summary.runs)} runs, {summary.runs[0].run_id} to {summary.runs[-1].run_id}", "bold")
        self.line(f"{amount(summary.spans, 'span')} from {_processes(summary.processes)}")

    def operations(self, summary: Summary) -> None:
        self.title("MCP operations")
        if not summary.operations:
            codes = [run.manifest.exit_code for run in summary.runs if run.manifest is not None]
            failed = len(codes) == 1 and codes[0] not in (None, 0)
            self.line(
                f"None was recorded ({amount(summary.other_spans, 'other span')}). "
                + (f"The command ended with exit code {codes[0]}: see what it says by itself. " if failed else "")
                + "Is the program an MCP server or client, of an mcp package from 1.10 to 2.x, and was it used?"
            )
            return
        table = columns("Operation", "Calls", "Errors", "p50", "p90", "p99", "Budget", right=5)
        service = None
        for one in summary.operations:
            if (one.service, one.side) != service:
                service = (one.service, one.side)
                table.add_row(Text(self.plain(f"{one.service} ({one.side})"), style="bold"))
            table.add_row(*self._operation(one))
        self.table(table)
        self._verdict(summary)

    def _operation(self, one: Operation) -> tuple[Text | Padding, ...]:
        verdict = Text("met", "green") if one.met else Text("over", "bold red")
        return (
            Padding(Text(self.plain(one.name)), (0, 0, 0, 2)),
            Text(str(one.latency.count)),
            Text(str(one.error_count), "red" if one.errors else ""),
            Text(duration(one.latency.p50_s)),
            Text(duration(one.latency.p90_s)),
            Text(duration(one.latency.p99_s)),
            Text.assemble(f"{duration(one.budget.limit_s):>6} ", verdict),
        )

    def _verdict(self, summary: Summary) -> None:
        few = any(one.latency.p99_is_max for one in summary.operations)
        self.line(f"Budgets are for p99.{' With fewer than 100 calls, that is the slowest one.' if few else ''}", "dim")
        failed = [one for one in summary.operations if one.errors]
        for one in failed[:_MOST_ERRORS]:
            kinds = ", ".join(f"{count} {kind}" for kind, count in one.errors)
            self.line(f"Errors of {one.name} ({one.side}): {kinds}")
        if len(failed) > _MOST_ERRORS:
            self.line(f"… and errors of {amount(len(failed) - _MOST_ERRORS, 'more operation')}")
        met = len(summary.operations) - len(summary.missed)
        self.line(f"{met} of {amount(len(summary.operations), 'operation')} within budget.", "bold")

    def waterfall(self, trace: Waterfall, *, title: str | None = None) -> None:
        slowest = trace.slowest
        self.title(title or f"Slowest: {slowest.name}, {duration(slowest.duration_s)}, trace {trace.trace_id}")
        rows = trace.rows[:_MOST_ROWS]
        names = [f"{'  ' * min(row.depth, 8)}{row.span.name}" for row in rows]
        wide = min(max(map(len, names)), self.width * 2 // 5)
        service_wide = min(max(len(row.span.process.service) for row in rows), self.width // 5)
        bar_wide = max(self.width - wide - service_wide - 12, 10)
        table = Table.grid(padding=(0, 1))
        table.add_column(width=wide, overflow="ellipsis", no_wrap=True)
        table.add_column(width=service_wide, overflow="ellipsis", no_wrap=True)
        table.add_column(width=bar_wide, no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for name, row in zip(names, rows, strict=True):
            table.add_row(
                Text(self.plain(name)),
                Text(self.plain(row.span.process.service), "dim"),
                self._drawn(row, trace.duration_s, bar_wide),
                Text(duration(row.span.duration_s)),
            )
        self.table(table)
        if len(trace.rows) > len(rows):
            self.line(f"… and {amount(len(trace.rows) - len(rows), 'more span')}")
        if any(row.orphan for row in trace.rows):
            self.line("The parent of the outermost span was not recorded: its process was not, or was killed.", "dim")

    def _drawn(self, row: Row, whole_s: float, width: int) -> Text:
        scale = width / whole_s if whole_s > 0 else 0.0
        start = min(int(row.offset_s * scale), width - 1)
        length = min(max(round(row.span.duration_s * scale), 1), width - start)
        return Text(" " * start + self.bar * length, "red" if error_of(row.span) else "cyan")

    def usage(self, summary: Summary) -> None:
        self.title("Processes")
        if not summary.usage:
            self.line("No process.* metrics were recorded.")
        else:
            table = columns("Process", "CPU avg", "max", "Memory avg", "max", "Disk read", "written", right=6)
            for one in summary.usage:
                table.add_row(
                    self.plain(process_label(one.process)),
                    *_two(one.cpu_share, share),
                    *_two(one.memory_bytes, size),
                    *("-" if io is None else size(io.total) for io in (one.disk_read_bytes, one.disk_written_bytes)),
                )
            self.table(table)
            self.line("CPU is a share of the CPUs that the process may use.", "dim")
        for traffic in summary.host_traffic:
            self.line(
                f"Network of the host, {traffic.interface}: {size(traffic.received_bytes.total)} in, "
                f"{size(traffic.sent_bytes.total)} out, within {duration(traffic.observed_s)}"
            )

    def unreadable(self, summary: Summary) -> None:
        if not summary.unreadable:
            return
        self.line()
        places = [f"{one.file.parent.name}/{one.file.name}:{one.line}" for one in summary.unreadable]
        more = f" and {len(places) - _MOST_UNREADABLE} more" if len(places) > _MOST_UNREADABLE else ""
        self.line(
            f"{len(places)} of {amount(summary.lines, 'line')} unreadable, and left out: "
            f"{', '.join(places[:_MOST_UNREADABLE])}{more}",
            "yellow",
        )


def _two(statistic: Statistic | None, unit: Callable[[float], str]) -> tuple[str, str]:
    if statistic is None:
        return "-", "-"
    return unit(statistic.avg), unit(statistic.max)


def _processes(processes: tuple[Process, ...]) -> str:
    if len(processes) > 8:
        return amount(len(processes), "process").replace("processs", "processes")
    return ", ".join(map(process_label, processes)) or "no process"
