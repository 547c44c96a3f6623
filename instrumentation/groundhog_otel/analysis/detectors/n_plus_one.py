"""Many calls of one kind where one for all of them would do: a query for a list, and one more for each item of it.

Ten or more siblings of one name whose durations are within twice their median, the rule that Jaeger gives to those who
look for the same. Names that differ in their numbers only count as one. Siblings that ran beside each other are no loss
of time: ten have to be on the critical path. An operation gains what it waited for all of them but one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import fmean, median
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.analysis.siblings import siblings
from groundhog_otel.analysis.waited import waited_for
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("LEAST_SIBLINGS", "detect", "generalized")

LEAST_SIBLINGS: Final = 10
"""Fewer may well be what the task asks for."""
_NUMBER: Final = re.compile(r"\d+")
_MOST_EVIDENCE: Final = 5


@dataclass(slots=True)
class _Seen:
    """What was seen under parents of one name: the gain of each, how many calls it made and how long most took."""

    parents: list[tuple[float, Span, int, float]] = field(default_factory=list)


def detect(recording: Recording) -> list[Finding]:
    """Return one finding for each kind of call that an operation makes again and again."""
    alike = [
        (one.parent, group)
        for one in siblings(recording.spans, lambda span: span.kind == "client", least=LEAST_SIBLINGS)
        for group in _kinds(one.children)
    ]
    waited = waited_for(recording.spans, {parent.trace_id for parent, _ in alike})
    seen: dict[tuple[str, str, str], _Seen] = {}
    for parent, calls in alike:
        similar = [span for span in _similar(calls) if waited.ns(span)]
        if len(similar) < LEAST_SIBLINGS:
            continue
        typical_ms = median(span.duration_s for span in similar) * 1000
        gain_ms = min((len(similar) - 1) * typical_ms, sum(map(waited.ns, similar)) / 1e6 - typical_ms)
        if gain_ms >= LEAST_MS:
            key = (parent.process.service, parent.name, generalized(calls[0].name))
            seen.setdefault(key, _Seen()).parents.append((gain_ms, parent, len(similar), typical_ms))
    return [_finding(*key, one) for key, one in seen.items()]


@lru_cache(maxsize=4096)
def generalized(name: str) -> str:
    """Return a span's name with ``#`` in place of every number."""
    return _NUMBER.sub("#", name)


def _kinds(children: tuple[Span, ...]) -> list[list[Span]]:
    groups: dict[tuple[Process, str], list[Span]] = {}
    for span in children:
        groups.setdefault((span.process, generalized(span.name)), []).append(span)
    return [group for group in groups.values() if len(_similar(group)) >= LEAST_SIBLINGS]


def _similar(calls: list[Span]) -> list[Span]:
    typical_s = median(span.duration_s for span in calls)
    return [span for span in calls if typical_s / 2 <= span.duration_s <= typical_s * 2]


def _finding(service: str, parent: str, child: str, seen: _Seen) -> Finding:
    worst = sorted(seen.parents, key=lambda one: -one[0])
    calls = fmean(calls for _, _, calls, _ in worst)
    typical_ms = median(ms for _, _, _, ms in worst)
    return Finding(
        detector="n_plus_one",
        service=service,
        target=parent,
        says=f"{parent} calls {child} {calls:.0f} times, {typical_ms:.3g} ms each, and waits for each",
        advice=f"Ask {child} once for all items; where it cannot be asked so, ask for several at a time.",
        impact_ms=fmean(gain for gain, *_ in worst),
        affected=len(worst),
        confidence=sure(len(worst), half=0.5),
        evidence=tuple(
            Evidence(f"{calls} calls of {child}, {gain_ms:.3g} ms more than one", span.trace_id, span.span_id)
            for gain_ms, span, calls, _ in worst[:_MOST_EVIDENCE]
        ),
        figures={"calls": calls, "typical_ms": typical_ms},
    )
