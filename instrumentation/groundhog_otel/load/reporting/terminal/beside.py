"""What a result is seen beside: a baseline, other concurrencies, and the generator that made it."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from groundhog_otel.load.judgement.changes import Comparison
from groundhog_otel.load.reporting.rows import change_rows
from groundhog_otel.load.reporting.terminal.printer import Printer, columns
from groundhog_otel.load.reporting.wording import cores, interval, knee, need
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics
from groundhog_otel.report.units import duration, rate, share, size

__all__ = ("comparison", "scaling", "self_check")

_FINDINGS: Final = {"better": "green", "worse": "bold red"}


def comparison(out: Printer, compared: Comparison, baseline: str) -> None:
    """Print how each operation has changed."""
    out.title(f"Beside the baseline {baseline}")
    table = columns("", "Operation", "", "Before", "Now", "Change", right=(3, 4))
    for row in change_rows(compared):
        finding = Text(row.finding or "", _FINDINGS.get(row.finding or "", ""))
        table.add_row(finding, out.text(row.operation), row.measure, row.before, row.now, row.told)
    out.table(table)
    for note in compared.notes:
        out.line(note, "yellow")


def scaling(out: Printer, metrics: ScalingMetrics) -> None:
    """Print the steps of a sweep, the law, and what the targets take."""
    out.title("Scaling")
    table = columns("At once", "Rate", "p50", "p99", "Errors", "CPU", "Memory", "", right=range(7))
    most = max((step.requests_per_s for step in metrics.steps), default=0.0)
    for step in metrics.steps:
        length = round(step.requests_per_s / most * 22) if most else 0
        cpu, memory = step.use.cpu_cores, step.use.memory_bytes
        table.add_row(
            str(step.concurrency), rate(step.requests_per_s), duration(step.p50_s), duration(step.p99_s),
            share(step.error_rate), "-" if cpu is None else f"{cpu:.2f}", "-" if memory is None else size(memory),
            Text("left out", "yellow") if step.faults else out.bar(length),
        )  # fmt: skip
    out.table(table)
    fit = metrics.fit
    if fit is not None:
        out.line(f"Most throughput: {knee(fit)}.")
        out.line(f"Contention {interval(fit.contention, '.2g')}, coherency {interval(fit.coherency, '.2g')}.")
    for one in metrics.needs:
        out.line(f"{need(one)}: {cores(one)}")
        out.line(f"  {one.basis}", "dim")
    for note in metrics.notes:
        out.line(note, "yellow")


def self_check(out: Printer, result: LoadResult) -> None:
    """Print how the generator itself fared."""
    if not result.self_checks:
        return
    out.title("The generator itself")
    table = columns("Worker", "CPU", "at most", "Late p50", "p99", "at most", "GC at most", right=range(7))
    for one in result.self_checks:
        late = (one.scheduling_error_p50_s, one.scheduling_error_p99_s, one.scheduling_error_max_s)
        table.add_row(
            str(one.worker), share(one.cpu_share), share(one.cpu_share_max), *map(duration, late),
            duration(one.gc_pause_max_s),
        )  # fmt: skip
    out.table(table)
