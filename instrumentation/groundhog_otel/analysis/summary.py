"""Everything that a report says about a recording."""

from __future__ import annotations

from dataclasses import dataclass

from groundhog_otel.analysis.operations import Operation, method_of, operations
from groundhog_otel.analysis.usage import HostTraffic, Usage, host_traffic, usage
from groundhog_otel.analysis.waterfall import Waterfall, slowest
from groundhog_otel.store.model import Process, Recording, Run, Unreadable

__all__ = ("Summary", "summarize")


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened, how long it took, what it used, and what could not be read."""

    runs: tuple[Run, ...]
    processes: tuple[Process, ...]
    operations: tuple[Operation, ...]
    slowest: Waterfall | None
    usage: tuple[Usage, ...]
    host_traffic: tuple[HostTraffic, ...]
    spans: int
    other_spans: int
    """Of the spans, those that are no MCP operation."""
    lines: int
    unreadable: tuple[Unreadable, ...]

    @property
    def missed(self) -> tuple[Operation, ...]:
        """The operations that were not within their budget."""
        return tuple(operation for operation in self.operations if not operation.met)


def summarize(recording: Recording) -> Summary:
    """Return the summary of a recording."""
    processes = {span.process for span in recording.spans} | {series.process for series in recording.series}
    return Summary(
        runs=recording.runs,
        processes=tuple(sorted(processes, key=lambda process: (process.service, process.pid or 0))),
        operations=operations(recording.spans),
        slowest=slowest(recording.traces()),
        usage=usage(recording.series),
        host_traffic=host_traffic(recording.series),
        spans=len(recording.spans),
        other_spans=sum(method_of(span) is None for span in recording.spans),
        lines=recording.lines,
        unreadable=recording.unreadable,
    )
