"""The garbage collector stops the process for so long, and so often, that operations feel it.

The pauses come as histograms, one for each generation, written every few seconds: how many there were since they were
last written, and how long. A generation is looked at when the half of its collections are long: a machine that is late
makes any collection long, now and then. Which operations they have hit is not known one by one. A pause is run for
memory that somebody has asked for, so it is taken to hit as many operations as are under way on average while any is;
those before the first operation are the program's start, and count for nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from statistics import median
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import sure
from groundhog_otel.analysis.operations import method_of
from groundhog_otel.analysis.pauses import Stretch, long_pauses
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("detect",)

_LEAST_PAUSES: Final = 5
"""A program's full collections after its start are few: some pauses are nothing that it does all the time."""
_LEAST_SHARE: Final = 0.01
"""Of the time in which operations are under way."""
_SHOWN: Final = 5


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each process whose operations are often stopped by the garbage collector."""
    by_process: dict[Process, list[Span]] = defaultdict(list)
    for span in recording.spans:
        if method_of(span) is not None:
            by_process[span.process].append(span)
    found = []
    pauses = long_pauses(recording)
    for process, spans in by_process.items():
        begun_ns = min(span.start_ns for span in spans)
        hit = _hit([one for one in pauses.get(process, ()) if one.start_ns >= begun_ns], spans)
        if not hit:
            continue
        number, paused_s = sum(one.pauses for one in hit), sum(one.paused_s for one in hit)
        busy_s, under_way_s = _busy_s(spans), sum(span.duration_s for span in spans)
        if number >= _LEAST_PAUSES and paused_s >= _LEAST_SHARE * busy_s > 0:
            found.append(_finding(process, spans, hit, lost_s=paused_s * under_way_s / busy_s))
    return found


def _hit(stretches: Sequence[Stretch], spans: Sequence[Span]) -> list[Stretch]:
    """Return those within which any operation was under way, by time."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    starts = [span.start_ns for span in ordered]
    latest_ends = list(accumulate((span.end_ns for span in ordered), max))
    return [
        one
        for one in sorted(stretches, key=lambda one: one.start_ns)
        if (begun := bisect_left(starts, one.end_ns)) and latest_ends[begun - 1] > one.start_ns
    ]


def _busy_s(spans: Sequence[Span]) -> float:
    """Return for how long any operation was under way."""
    busy_ns = until_ns = 0
    for span in sorted(spans, key=lambda one: one.start_ns):
        busy_ns += max(span.end_ns - max(span.start_ns, until_ns), 0)
        until_ns = max(until_ns, span.end_ns)
    return busy_ns / 1e9


def _finding(process: Process, spans: Sequence[Span], hit: Sequence[Stretch], *, lost_s: float) -> Finding:
    pauses, paused_s = sum(one.pauses for one in hit), sum(one.paused_s for one in hit)
    pause_ms = paused_s / pauses * 1e3
    affected = min(max(round(lost_s / paused_s * pauses), 1), len(spans))
    return Finding(
        detector="gc_pauses",
        service=process.service,
        target="",
        says=f"The garbage collector stopped {process.service} {pauses} times for {pause_ms:.0f} ms on average while "
        f"operations were under way: {paused_s / _busy_s(spans):.0%} of that time.",
        advice="Call gc.freeze() once everything is loaded, so that it is not looked through again, raise "
        "gc.set_threshold, and leave out calls of gc.collect().",
        impact_ms=lost_s / affected * 1e3,
        affected=affected,
        confidence=sure(pauses, half=3),
        evidence=tuple(_evidence(spans, hit)),
        figures={"pauses": pauses, "pause_ms": pause_ms, "paused_ms": paused_s * 1e3},
        action="gc_freeze",
    )


def _evidence(spans: Sequence[Span], hit: Sequence[Stretch]) -> Iterator[Evidence]:
    """Yield the operations that, while there were pauses, took longer than others of their name."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for span in spans:
        by_name[span.name].append(span.duration_s)
    typical = {name: median(durations) for name, durations in by_name.items()}
    starts = [stretch.start_ns for stretch in hit]
    late = []
    for span in spans:
        latest = bisect_left(starts, span.end_ns) - 1
        if latest >= 0 and span.start_ns < hit[latest].end_ns:
            late.append((span.duration_s - typical[span.name], span, hit[latest]))
    for more_s, span, stretch in sorted(late, key=lambda one: -one[0])[:_SHOWN]:
        yield Evidence(
            f"{span.name} took {span.duration_s * 1e3:.0f} ms, {more_s * 1e3:.0f} ms above its median, while the "
            f"collector ran {stretch.pauses} times for {stretch.paused_s / stretch.pauses * 1e3:.0f} ms.",
            span.trace_id,
            span.span_id,
        )
