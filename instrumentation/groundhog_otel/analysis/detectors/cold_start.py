"""First calls that are slow: what a process loads, opens or computes when it is asked for the first time.

For each server process and operation: the first call, and those that came while it was under way, beside all later
ones. That one call is slow is not enough, since any may be; it has to be slower by far than nearly all others, in most
of the processes that were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import sure
from groundhog_otel.analysis.operations import error_of, method_of
from groundhog_otel.analysis.percentiles import nearest_rank
from groundhog_otel.budgets import COMMAND
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("detect",)

_LEAST_LATER: Final = 5
"""Later calls, to know what is usual."""
_FACTOR: Final = 3
"""Times the usual duration, and twice what nine of ten later calls stay below."""
_LEAST_MS: Final = 2 * COMMAND.limit_s * 1000
"""Above the usual duration: less happens to any call on a busy machine, and to a first one in any Python program."""
_MOST_EVIDENCE: Final = 5


@dataclass(slots=True)
class _Seen:
    """The processes of one service in which an operation was called often enough, and the cold calls in them."""

    processes: int = 0
    usual_ms: list[float] = field(default_factory=list)
    cold: list[tuple[list[float], Span]] = field(default_factory=list)
    """By process: what each cold call took longer than usual, in milliseconds, and the first of them."""


def detect(recording: Recording) -> list[Finding]:
    """Return one finding for each operation whose first call in a process is slow."""
    groups: dict[tuple[Process, str], list[Span]] = {}
    for span in recording.spans:
        if span.kind == "server" and method_of(span) is not None:
            groups.setdefault((span.process, span.name), []).append(span)
    seen: dict[tuple[str, str], _Seen] = {}
    for (process, name), group in groups.items():
        if len(group) > _LEAST_LATER:
            _look(group, seen.setdefault((process.service, name), _Seen()))
    return [
        _finding(service, name, one)
        for (service, name), one in seen.items()
        if one.cold and len(one.cold) * 2 > one.processes
    ]


def _look(group: Sequence[Span], seen: _Seen) -> None:
    first = min(group, key=lambda span: span.start_ns)
    later = sorted(span.duration_s for span in group if span.start_ns >= first.end_ns and error_of(span) is None)
    if len(later) < _LEAST_LATER:
        return
    seen.processes += 1
    usual_s = nearest_rank(later, 50)
    least_s = max(_FACTOR * usual_s, usual_s + _LEAST_MS / 1000, 2 * nearest_rank(later, 90))
    if first.duration_s >= least_s:
        meanwhile = [span for span in group if span.start_ns < first.end_ns and span.duration_s >= least_s]
        seen.cold.append(([(span.duration_s - usual_s) * 1000 for span in meanwhile], first))
        seen.usual_ms.append(usual_s * 1000)


def _finding(service: str, name: str, seen: _Seen) -> Finding:
    worst = sorted(seen.cold, key=lambda one: -max(one[0]))
    excesses = [ms for one, _ in worst for ms in one]
    usual_ms, first_ms = fmean(seen.usual_ms), fmean(first.duration_s * 1000 for _, first in worst)
    where = "in the one process" if seen.processes == 1 else f"in {len(worst)} of {seen.processes} processes"
    return Finding(
        detector="cold_start",
        service=service,
        target=name,
        says=f"The first {name} of a process takes {first_ms:.3g} ms, later ones {usual_ms:.3g} ms, {where} seen",
        advice="Load what it loads, and open what it opens, before the server takes calls: in its lifespan, say.",
        impact_ms=fmean(excesses),
        affected=len(excesses),
        confidence=sure(len(worst), half=1) * len(worst) / seen.processes,
        evidence=tuple(
            Evidence(
                f"the first call of process {first.process.pid}: {first.duration_s * 1000:.3g} ms",
                first.trace_id,
                first.span_id,
            )
            for _, first in worst[:_MOST_EVIDENCE]
        ),
        figures={"first_ms": first_ms, "usual_ms": usual_ms, "processes": float(seen.processes)},
    )
