"""Operations that compute for as long as they last: while they do, the process gets to nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import fmean, median
from typing import Final, NamedTuple

from groundhog_otel import semconv
from groundhog_otel.analysis.calls import Call, calls
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.analysis.rates import Rates
from groundhog_otel.store.model import Process, Recording

__all__ = ("RATIO", "detect")

RATIO: Final = 0.8
"""CPU time as a share of the duration, less the time for which there was no CPU to be had. What waits for a disk, a
network or a peer is far below it; the rest up to 1 is what the SDK does, and other threads."""
_FEWEST: Final = 10
"""Calls: a single one may have computed because it was the first."""
_ALONE: Final = 0.2
"""A call is by itself as long as others compute for no more than this share of it."""


def detect(recording: Recording) -> list[Finding]:
    """Find operations that take CPU time, by their threads' clocks, for more than 80 % of the time that they could.

    It needs the detail attributes on spans. Threads that compute at once share one interpreter, and each seems to
    wait; so it goes by calls that had it to themselves, and only where there are too few of them by what others have
    left of it.
    """
    timed: dict[Process, list[_Timed]] = defaultdict(list)
    for one in calls(recording.spans):
        if one.server is not None:
            timed[one.server.process].append(_Timed.of(one))
    rates = {process: Rates(map(_spread, here)) for process, here in timed.items()}
    by_name: dict[tuple[str, str], list[_Timed]] = defaultdict(list)
    for handled in chain.from_iterable(timed.values()):
        if handled.call.number(semconv.CPU_TIME) is not None:
            by_name[handled.call.service, handled.call.name].append(handled)
    found = (_finding(service, name, group, rates, timed) for (service, name), group in sorted(by_name.items()))
    return [one for one in found if one is not None]


class _Timed(NamedTuple):
    """A call, with the moments and the times that are asked for again and again."""

    call: Call
    process: Process
    asked_ns: int
    start_ns: int
    end_ns: int
    cpu_s: float

    @classmethod
    def of(cls, call: Call) -> _Timed:
        span = call.span
        cpu_s = call.number(semconv.CPU_TIME) or 0.0
        return cls(call, span.process, call.start_ns, span.start_ns, span.end_ns, cpu_s)


def _spread(one: _Timed) -> tuple[int, int, float]:
    return one.start_ns, one.end_ns, one.cpu_s


def _finding(
    service: str,
    name: str,
    group: list[_Timed],
    rates: Mapping[Process, Rates],
    timed: Mapping[Process, Sequence[_Timed]],
) -> Finding | None:
    cpu_ms = fmean(one.cpu_s for one in group) * 1000
    if len(group) < _FEWEST or cpu_ms < LEAST_MS:
        return None
    ratio, by_itself = _ratio(group, rates)
    if ratio <= RATIO:
        return None
    held_s = _held_up(group, timed)
    impact_ms = (fmean(held_s) if held_s else _one_more_s(group)) * 1000
    tool = group[0].call.tool
    others = (
        f"and {len(held_s)} calls have waited for it meanwhile, {impact_ms:.1f} ms each"
        if held_s
        else f"nobody else has waited meanwhile, but one more call would, {impact_ms:.1f} ms on average"
    )
    return Finding(
        detector="cpu_bound",
        service=service,
        target=name,
        says=f"{len(group)} calls of {name} compute for {min(ratio, 1.0):.0%} of the time, {cpu_ms:.1f} ms each, "
        f"{others}.",
        advice=f"Run what computes in {name} in a worker thread, so that others get their turns meanwhile: at once "
        "where native code lets go of the interpreter (SQLite, NumPy), and after 5 ms where it is Python. To compute "
        "more of it at once in Python takes another process.",
        impact_ms=impact_ms,
        affected=len(held_s) or 1,
        confidence=sure(len(group), half=_FEWEST / 2) * (1.0 if by_itself else 0.5),
        evidence=_evidence(group),
        figures={
            "calls": len(group),
            "cpu_ratio": ratio,
            "cpu_ms": cpu_ms,
            "held_up": len(held_s),
        },
        action=None if tool is None else "offload",
        parameters={} if tool is None else {"tool": tool},
    )


def _ratio(group: Sequence[_Timed], rates: Mapping[Process, Rates]) -> tuple[float, bool]:
    """Return CPU time by duration, the median, and whether that is of calls which had the interpreter to themselves."""
    alone, shared = [], []
    for one in group:
        delay_s = one.call.number(semconv.CPU_DELAY) or 0.0
        lasted_s = max((one.end_ns - one.start_ns) / 1e9 - delay_s, one.cpu_s)
        others_s = max(0.0, rates[one.process].between(one.start_ns, one.end_ns) - one.cpu_s)
        left_s = max(lasted_s - others_s, one.cpu_s)
        shared.append(one.cpu_s / left_s if left_s else 0.0)
        if others_s <= _ALONE * lasted_s:
            alone.append(one.cpu_s / lasted_s if lasted_s else 0.0)
    # The median: a thread that wakes up late makes a call look idle, nothing makes it look busier than it is.
    return (median(alone), True) if len(alone) >= _FEWEST else (median(shared), False)


def _held_up(group: Sequence[_Timed], timed: Mapping[Process, Sequence[_Timed]]) -> list[float]:
    """Return the seconds for which each other call of a process has waited while these computed there."""
    computing: dict[Process, list[_Timed]] = defaultdict(list)
    for one in group:
        computing[one.process].append(one)
    found = []
    for process, these in sorted(computing.items(), key=lambda item: item[0].pid or 0):
        busy, own = Rates(map(_spread, these)), {id(one) for one in these}
        for one in timed[process]:
            held_s = busy.between(one.asked_ns, one.end_ns) - (one.cpu_s if id(one) in own else 0.0)
            # While it computes itself it is not held up.
            held_s = min(held_s, (one.end_ns - one.asked_ns) / 1e9 - one.cpu_s)
            if held_s * 1000 >= LEAST_MS:
                found.append(held_s)
    return found


def _one_more_s(group: Sequence[_Timed]) -> float:
    """Return the seconds that one more call would wait, were it to come at any moment while these were made.

    It meets a call with the share of time that they compute, and of that one, on average, the second half.
    """
    period_s = (max(one.end_ns for one in group) - min(one.start_ns for one in group)) / 1e9
    return sum(one.cpu_s**2 for one in group) / 2 / max(period_s, sum(one.cpu_s for one in group))


def _evidence(group: Sequence[_Timed]) -> tuple[Evidence, ...]:
    longest = sorted(group, key=lambda one: (-one.cpu_s, one.call.span.trace_id, one.call.span.span_id))[:3]
    return tuple(
        Evidence(
            f"{one.cpu_s * 1000:.1f} ms of CPU time in {one.call.span.duration_s * 1000:.1f} ms{_starved(one.call)}.",
            one.call.span.trace_id,
            one.call.span.span_id,
        )
        for one in longest
    )


def _starved(call: Call) -> str:
    delay_s = call.number(semconv.CPU_DELAY) or 0.0
    return f", for {delay_s * 1000:.1f} ms of which there was no CPU" if delay_s > _ALONE * call.span.duration_s else ""
