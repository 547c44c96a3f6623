"""Operations that compute for as long as they last: while they do, the process gets to nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Final

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
    by_process: dict[Process, list[Call]] = defaultdict(list)
    for one in calls(recording.spans):
        if one.server is not None:
            by_process[one.server.process].append(one)
    found = []
    for process, here in sorted(by_process.items(), key=lambda item: (item[0].service, item[0].pid or 0)):
        timed = [one for one in here if _cpu_s(one) is not None]
        rates = Rates((one.span.start_ns, one.span.end_ns, _cpu_s(one) or 0.0) for one in timed)
        by_name: dict[str, list[Call]] = defaultdict(list)
        for one in timed:
            by_name[one.name].append(one)
        for name, group in sorted(by_name.items()):
            finding = _finding(process, name, group, rates, here)
            if finding is not None:
                found.append(finding)
    return found


def _finding(process: Process, name: str, group: list[Call], rates: Rates, here: Sequence[Call]) -> Finding | None:
    cpu_ms = fmean(_cpu_s(one) or 0.0 for one in group) * 1000
    if len(group) < _FEWEST or cpu_ms < LEAST_MS:
        return None
    ratio, by_itself = _ratio(group, rates)
    if ratio <= RATIO:
        return None
    held_s = _held_up(group, here)
    impact_ms = (fmean(held_s) if held_s else _one_more_s(group)) * 1000
    tool = group[0].tool
    others = (
        f"and {len(held_s)} calls have waited for it meanwhile, {impact_ms:.1f} ms each"
        if held_s
        else f"nobody else has waited meanwhile, but one more call would, {impact_ms:.1f} ms on average"
    )
    return Finding(
        detector="cpu_bound",
        service=process.service,
        target=name,
        says=f"{len(group)} calls of {name} compute for {min(ratio, 1.0):.0%} of the time, {cpu_ms:.1f} ms each, "
        f"{others}.",
        advice=f"Let another process do the computing of {name}: in this one neither async nor a thread gives room to "
        "others.",
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


def _ratio(group: Sequence[Call], rates: Rates) -> tuple[float, bool]:
    """Return CPU time by duration, and whether that is of calls which had the interpreter to themselves."""
    cpu_s = own_s = alone_cpu_s = alone_s = 0.0
    alone = 0
    for one in group:
        mine = _cpu_s(one) or 0.0
        lasted_s = max(one.span.duration_s - (one.number(semconv.CPU_DELAY) or 0.0), mine)
        others_s = max(0.0, rates.between(one.span.start_ns, one.span.end_ns) - mine)
        cpu_s += mine
        own_s += max(lasted_s - others_s, mine)
        if others_s <= _ALONE * lasted_s:
            alone, alone_cpu_s, alone_s = alone + 1, alone_cpu_s + mine, alone_s + lasted_s
    if alone >= _FEWEST:
        return (alone_cpu_s / alone_s if alone_s else 0.0), True
    return (cpu_s / own_s if own_s else 0.0), False


def _held_up(group: Sequence[Call], here: Sequence[Call]) -> list[float]:
    """Return the seconds for which each other call of this process has waited while these computed, where it has."""
    computing = Rates((one.span.start_ns, one.span.end_ns, _cpu_s(one) or 0.0) for one in group)
    own = {id(one) for one in group}
    found = []
    for one in here:
        cpu_s = _cpu_s(one) or 0.0
        held_s = computing.between(one.start_ns, one.span.end_ns) - (cpu_s if id(one) in own else 0.0)
        # While it computes itself it is not held up.
        held_s = min(held_s, (one.span.end_ns - one.start_ns) / 1e9 - cpu_s)
        if held_s * 1000 >= LEAST_MS:
            found.append(held_s)
    return found


def _one_more_s(group: Sequence[Call]) -> float:
    """Return the seconds that one more call would wait, were it to come at any moment while these were made.

    It meets a call with the share of time that they compute, and of that one, on average, the second half.
    """
    computing_s = [_cpu_s(one) or 0.0 for one in group]
    period_s = (max(one.span.end_ns for one in group) - min(one.span.start_ns for one in group)) / 1e9
    return sum(one * one for one in computing_s) / 2 / max(period_s, sum(computing_s))


def _evidence(group: Sequence[Call]) -> tuple[Evidence, ...]:
    longest = sorted(group, key=lambda one: (-(_cpu_s(one) or 0.0), one.span.trace_id, one.span.span_id))[:3]
    return tuple(
        Evidence(
            f"{(_cpu_s(one) or 0.0) * 1000:.1f} ms of CPU time in {one.span.duration_s * 1000:.1f} ms{_starved(one)}.",
            one.span.trace_id,
            one.span.span_id,
        )
        for one in longest
    )


def _starved(call: Call) -> str:
    delay_s = call.number(semconv.CPU_DELAY) or 0.0
    return f", for {delay_s * 1000:.1f} ms of which there was no CPU" if delay_s > _ALONE * call.span.duration_s else ""


def _cpu_s(call: Call) -> float | None:
    return None if call.server is None else call.number(semconv.CPU_TIME)
