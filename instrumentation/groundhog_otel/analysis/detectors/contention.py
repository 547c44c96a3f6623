"""Calls that get slower the more of them there are: they wait for something that one at a time can have.

The Universal Scalability Law, fitted to what a recording shows of itself. By Little's law calls that are under way N at
a time and take R each are got through at N / R; a server that nothing holds back gets through N times as many as one
call at a time. What is slow for a cause that its span names (a blocked loop, worker threads all taken) is left out: it
would pass for this one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Final

from scipy import stats

from groundhog_otel.analysis.concurrency import under_way
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.analysis.operations import method_of
from groundhog_otel.analysis.scaling.fitting import Throughput, fit
from groundhog_otel.analysis.waits import explained
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("detect",)

_LEAST_STEPS: Final = 4
"""Concurrencies, each twice the one before: a law of three parameters fits any three."""
_LEAST_CALLS: Final = 12
"""Of one concurrency."""
_LEAST_SLOWDOWN: Final = 2.0
"""Of the highest concurrency's calls over the lowest's, at the median."""
_LEAST_RHO: Final = 0.6
"""The rank correlation of duration and concurrency: one slow moment, in which calls pile up, makes none."""
_FULL: Final = 0.9
"""Of the highest throughput: more callers than it takes for that only wait longer."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class _Call:
    span: Span
    concurrency: float


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each operation that does not scale with the number of its callers."""
    groups: dict[tuple[Process, str], list[Span]] = defaultdict(list)
    for span in recording.spans:
        if span.kind == "server" and method_of(span) is not None:
            groups[span.process, span.name].append(span)
    return [found for spans in groups.values() if (found := _examined(spans)) is not None]


def _examined(spans: Sequence[Span]) -> Finding | None:
    if len(spans) < _LEAST_STEPS * _LEAST_CALLS:
        return None
    steps: dict[int, list[_Call]] = defaultdict(list)
    for span, concurrency in zip(spans, under_way(spans), strict=True):
        if span.duration_s > 0 and not explained(span):
            steps[round(math.log2(concurrency))].append(_Call(span, concurrency))
    enough = [calls for _, calls in sorted(steps.items()) if len(calls) >= _LEAST_CALLS]
    if len(enough) < _LEAST_STEPS:
        return None
    if _median_s(enough[-1]) < _LEAST_SLOWDOWN * _median_s(enough[0]):
        return None
    calls = [call for some in enough for call in some]
    rho = stats.spearmanr([call.concurrency for call in calls], [call.span.duration_s for call in calls]).statistic
    return _finding(enough, rho=float(rho)) if rho >= _LEAST_RHO else None


def _median_s(calls: Sequence[_Call]) -> float:
    return median(call.span.duration_s for call in calls)


def _throughput(calls: Sequence[_Call]) -> Throughput:
    """Return what comes of Little's law: one figure, whose uncertainty is how far it is from the law of all of them."""
    concurrency = mean(call.concurrency for call in calls)
    return Throughput(concurrency, (concurrency / mean(call.span.duration_s for call in calls),))


def _finding(steps: Sequence[Sequence[_Call]], *, rho: float) -> Finding | None:
    first, last = steps[0], steps[-1]
    alone_s = _median_s(first)
    waits = sorted(
        ((wait_s, call) for calls in steps[1:] for call in calls if (wait_s := call.span.duration_s - alone_s) > 0),
        key=lambda one: -one[0],
    )
    impact_ms = mean(wait_s for wait_s, _ in waits) * 1e3
    if impact_ms < LEAST_MS:
        return None
    through = [_throughput(calls) for calls in steps]
    highest = max(one.mean for one in through)
    enough = next(one.concurrency for one in through if one.mean >= _FULL * highest)
    most = through[-1].concurrency
    callers, gained = most / through[0].concurrency, highest / through[0].mean
    name = last[0].span.name
    law = fit(through)
    return Finding(
        detector="contention",
        service=last[0].span.process.service,
        target=name,
        says=f"{name} takes {_median_s(last) * 1e3:.0f} ms when {most:.0f} of it are under way, and "
        f"{alone_s * 1e3:.0f} ms alone: {callers:.0f} times the callers get {gained:.1f} times the throughput"
        + (f", and more than {enough:.0f} at once gain next to nothing." if enough < most else "."),
        advice=f"Look in {name} for what one call at a time can have (a lock, a single connection, a small pool, the "
        "CPU), and have more of it, "
        + (f"hold it for less, or let no more than {enough:.0f} in." if enough < most else "or hold it for less."),
        impact_ms=impact_ms,
        affected=len(waits),
        confidence=sure(len(waits), half=20) * rho,
        evidence=tuple(
            Evidence(
                f"{name} took {call.span.duration_s * 1e3:.0f} ms, with {call.concurrency:.0f} under way.",
                call.span.trace_id,
                call.span.span_id,
            )
            for _, call in waits[:_SHOWN]
        ),
        figures={
            "alone_ms": alone_s * 1e3,
            "crowded_ms": _median_s(last) * 1e3,
            "most_callers": most,
            "enough_callers": enough,
            "highest_per_s": highest,
            **(
                {}
                if law is None
                else {"contention_share": law.contention.value, "coherency_share": law.coherency.value}
            ),
        },
    )
