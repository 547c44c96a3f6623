"""All that a report has to say, whatever it is written as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from groundhog_otel.analysis.distribution import Class, distribution
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.analysis.operations import Operation, Side, method_of
from groundhog_otel.analysis.summary import Summary, summarize
from groundhog_otel.analysis.trends import Trend, trends
from groundhog_otel.analysis.verdicts import Verdict, verdicts
from groundhog_otel.report.optimizations import Optimization
from groundhog_otel.semconv import MCP_PROTOCOL_VERSION
from groundhog_otel.store.model import Recording, Span

__all__ = ("Key", "Report", "key_of", "reported")

Key = tuple[str, str, str, str]
"""Side, service, method and name of an operation."""


@dataclass(frozen=True, slots=True)
class Report:
    """A recording, and what is made of it."""

    recording: Recording
    summary: Summary
    verdicts: tuple[Verdict, ...]
    spread: Mapping[Key, tuple[Class, ...]]
    """The durations of each operation, by :func:`key_of`."""
    trends: tuple[Trend, ...]
    findings: tuple[Finding, ...] | None
    """What costs most comes first; None when nobody looked."""
    optimizations: tuple[Optimization, ...]
    """In the order in which they were tried."""
    versions: tuple[tuple[str, str], ...]
    """Names and versions of what made the recording, as far as it says."""
    start_ns: int
    """Nanoseconds since 1970 of the first thing that was recorded; 0 when nothing was."""
    duration_s: float
    """From then to the last."""

    @property
    def over(self) -> tuple[Verdict, ...]:
        """The budgets that are not met."""
        return tuple(one for one in self.verdicts if one.met is False)

    def spread_of(self, one: Operation) -> tuple[Class, ...]:
        """Return how the durations of an operation are spread."""
        return self.spread.get((one.side, one.service, one.method, one.name), ())


def reported(
    recording: Recording,
    *,
    findings: Iterable[Finding] | None = None,
    optimizations: Sequence[Optimization] = (),
    versions: Iterable[tuple[str, str]] = (),
) -> Report:
    """Return all that there is to say of a recording, given what the detectors found and the optimiser tried."""
    summary, over_time = summarize(recording), trends(recording)
    durations: dict[Key, list[float]] = {}
    for span in recording.spans:
        key = key_of(span)
        if key is not None:
            durations.setdefault(key, []).append(span.duration_s)
    start_ns, end_ns = _extent(recording)
    protocols = {str(span.attributes.get(MCP_PROTOCOL_VERSION) or "") for span in recording.spans} - {""}
    return Report(
        recording=recording,
        summary=summary,
        verdicts=verdicts(summary.operations, over_time),
        spread={key: distribution(found) for key, found in durations.items()},
        trends=over_time,
        findings=None if findings is None else tuple(sorted(findings, key=lambda one: -one.total_ms)),
        optimizations=tuple(optimizations),
        versions=(*versions, *(("MCP protocol", version) for version in sorted(protocols))),
        start_ns=start_ns,
        duration_s=(end_ns - start_ns) / 1e9,
    )


def key_of(span: Span) -> Key | None:
    """Return which operation a span is one of; None when it is no MCP message."""
    method = method_of(span)
    if method is None:
        return None
    side: Side = "client" if span.kind == "client" else "server"
    return side, span.process.service, method, span.name


def _extent(recording: Recording) -> tuple[int, int]:
    starts = [span.start_ns for span in recording.spans]
    ends = [max(span.start_ns, span.end_ns) for span in recording.spans]
    for one in recording.series:
        starts.append(one.points[0].time_ns if one.points else 0)
        ends.append(one.points[-1].time_ns if one.points else 0)
    starts = [one for one in starts if one > 0]
    return (min(starts), max(ends)) if starts else (0, 0)
