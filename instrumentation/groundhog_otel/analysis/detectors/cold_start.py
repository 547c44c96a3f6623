"""First calls that are slow: what a process loads, opens or computes when it is asked for the first time.

For each server process and operation: the first call, and those that came while it was under way, beside all later
ones. That one call is slow is not enough, since any may be. It has to be slower by far than nearly all others, and to
lose more than any later call of that process has lost, of whatever operation: twice as much where only one process was
seen, and else in most of them.
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
class _Cold:
    """The first call of an operation in one process, and others that were slow meanwhile."""

    first: Span
    excesses_ms: list[float]
    """What each of them took longer than usual."""
    usual_ms: float


@dataclass(slots=True)
class _Seen:
    """The processes of one service in which an operation was called often enough, and the cold calls in them."""

    processes: int = 0
    cold: list[tuple[_Cold, float]] = field(default_factory=list)
    """With the most that a later call of that process took longer than usual, in milliseconds."""


def detect(recording: Recording) -> list[Finding]:
    """Return one finding for each operation whose first call in a process is slow."""
    processes: dict[Process, dict[str, list[Span]]] = {}
    for span in recording.spans:
        if span.kind == "server" and method_of(span) is not None:
            processes.setdefault(span.process, {}).setdefault(span.name, []).append(span)
    seen: dict[tuple[str, str], _Seen] = {}
    for process, operations in processes.items():
        looked = {name: _look(group) for name, group in operations.items() if len(group) > _LEAST_LATER}
        cold = {name: one for name, (one, _) in looked.items() if one is not None}
        later_ms = max((most_ms for _, most_ms in looked.values()), default=0.0)
        for name in looked:
            one = seen.setdefault((process.service, name), _Seen())
            one.processes += 1
            if name in cold and cold[name].excesses_ms[0] > later_ms:
                one.cold.append((cold[name], later_ms))
    return [_finding(service, name, one) for (service, name), one in seen.items() if _is_enough(one)]


def _look(group: Sequence[Span]) -> tuple[_Cold | None, float]:
    """Return the cold calls of an operation, and the most that a later one took longer than usual."""
    first, *others = sorted(group, key=lambda span: span.start_ns)
    later = sorted(span.duration_s for span in others if span.start_ns >= first.end_ns and error_of(span) is None)
    if len(later) < _LEAST_LATER:
        return None, 0.0
    usual_s = nearest_rank(later, 50)
    most_ms = (later[-1] - usual_s) * 1000
    least_s = max(_FACTOR * usual_s, usual_s + _LEAST_MS / 1000, 2 * nearest_rank(later, 90))
    if first.duration_s < least_s:
        return None, most_ms
    meanwhile = [span for span in others if span.start_ns < first.end_ns and span.duration_s >= least_s]
    excesses_ms = [(span.duration_s - usual_s) * 1000 for span in (first, *meanwhile)]
    return _Cold(first, excesses_ms, usual_s * 1000), most_ms


def _is_enough(seen: _Seen) -> bool:
    if seen.processes == 1:
        return any(cold.excesses_ms[0] >= 2 * later_ms for cold, later_ms in seen.cold)
    return len(seen.cold) * 2 > seen.processes


def _finding(service: str, name: str, seen: _Seen) -> Finding:
    worst = sorted((cold for cold, _ in seen.cold), key=lambda one: -one.excesses_ms[0])
    excesses = [ms for one in worst for ms in one.excesses_ms]
    usual_ms, first_ms = fmean(one.usual_ms for one in worst), fmean(one.first.duration_s * 1000 for one in worst)
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
                f"the first call of process {one.first.process.pid}: {one.first.duration_s * 1000:.3g} ms",
                one.first.trace_id,
                one.first.span_id,
            )
            for one in worst[:_MOST_EVIDENCE]
        ),
        figures={"first_ms": first_ms, "usual_ms": usual_ms, "processes": float(seen.processes)},
    )
