"""Who waits for many answers at once waits for the slowest: a child's rare bad moment is its parent's usual one.

Of k calls of which each is slow with probability q, one or more is slow with 1 - (1 - q)^k. Dean and Barroso, "The Tail
at Scale" (2013).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import mean, median
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.analysis.waits import named_s
from groundhog_otel.store.model import Recording, Span

__all__ = ("detect",)

_LEAST_FAN_OUT: Final = 3
_LEAST_PARENTS: Final = 10
_LEAST_SLOW: Final = 5
"""Parents that have waited for a slow child: a machine's bad moments are fewer."""
_TAIL: Final = 3.0
"""A child is slow from this many times its median on, and ..."""
_TAIL_S: Final = 0.02
"""... this many seconds above it: what chance and a busy machine do to calls of some milliseconds is less."""
_MOST_SLOW: Final = 0.2
"""Of the children. When more are slow, it is no tail, and not the fan-out that makes parents slow."""
_LEAST_HIT: Final = 0.1
"""Of the parents."""
_LEAST_RATIO: Final = 2.0
"""Parents hit over children slow: near the fan-out when each child is slow by itself, near 1 when all are at once."""
_NAMED: Final = 0.5
"""Of a slow child, for which its server names a cause: it is for the detector of that cause."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class _Fan:
    """A parent, and children of one name that it has waited for at once."""

    parent: Span
    children: tuple[Span, ...]

    @property
    def slowest(self) -> Span:
        return max(self.children, key=lambda child: child.duration_s)


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each operation that fans out to calls of one kind, whose tail has become its own."""
    spans = {(span.trace_id, span.span_id): span for span in recording.spans}
    children: dict[tuple[str, str], list[Span]] = defaultdict(list)
    named: dict[tuple[str, str], float] = {}
    for span in recording.spans:
        if span.parent_id is not None:
            children[span.trace_id, span.parent_id].append(span)
            if span.kind == "server":
                named[span.trace_id, span.parent_id] = named_s(span)
    fans: dict[tuple[str, str, str], list[_Fan]] = defaultdict(list)
    for key, some in children.items():
        parent = spans.get(key)
        if parent is not None:
            for fan in _fans(parent, some):
                fans[parent.process.service, parent.name, fan.children[0].name].append(fan)
    return [found for some in fans.values() if (found := _finding(some, named)) is not None]


def _fans(parent: Span, children: Sequence[Span]) -> list[_Fan]:
    by_name: dict[str, list[Span]] = defaultdict(list)
    for child in children:
        if child.kind != "server":  # the far side of a call is not another one
            by_name[child.name].append(child)
    return [_Fan(parent, tuple(some)) for some in by_name.values() if len(some) >= _LEAST_FAN_OUT and _together(some)]


def _together(children: Sequence[Span]) -> bool:
    """Tell whether each was begun while an earlier one was under way."""
    ordered = sorted(children, key=lambda one: one.start_ns)
    ends = accumulate((one.end_ns for one in ordered), max)
    return all(after.start_ns < end_ns for after, end_ns in zip(ordered[1:], ends, strict=False))


def _finding(fans: Sequence[_Fan], named: Mapping[tuple[str, str], float]) -> Finding | None:
    """``named``: for how long the other side of a call says that it waited, and for what; seconds."""
    durations = [child.duration_s for fan in fans for child in fan.children]
    usual_s = median(durations)
    slow_s = max(usual_s * _TAIL, usual_s + _TAIL_S)
    fans = [
        fan
        for fan in fans
        if not any(
            named.get((one.trace_id, one.span_id), 0.0) >= _NAMED * one.duration_s > _NAMED * slow_s
            for one in fan.children
        )
    ]
    durations = [child.duration_s for fan in fans for child in fan.children]
    slow = sum(1 for one in durations if one > slow_s)
    hit = [fan for fan in fans if fan.slowest.duration_s > slow_s]
    if len(fans) < _LEAST_PARENTS or len(hit) < _LEAST_SLOW:
        return None
    children_slow, parents_hit = slow / len(durations), len(hit) / len(fans)
    if children_slow > _MOST_SLOW or parents_hit < _LEAST_HIT or parents_hit < _LEAST_RATIO * children_slow:
        return None
    # What a parent would gain if the slow ones were no slower than the slowest of the others.
    impact_ms = mean(_gain_s(fan, slow_s) for fan in hit) * 1e3
    if impact_ms < LEAST_MS:
        return None
    parent, child = fans[0].parent.name, fans[0].children[0].name
    fan_out = mean(len(fan.children) for fan in fans)
    return Finding(
        detector="tail_amplification",
        service=fans[0].parent.process.service,
        target=parent,
        says=f"{parent} waits for {fan_out:.0f} calls of {child} at once: {children_slow:.1%} of these take longer "
        f"than {slow_s * 1e3:.0f} ms, and {parents_hit:.0%} of {parent} wait for one that does.",
        advice=f"Shorten what is rare and slow in {child}: give it a timeout and ask again (hedging) after "
        f"{slow_s * 1e3:.0f} ms, do with fewer answers, or ask for all of them in one call.",
        impact_ms=impact_ms,
        affected=len(hit),
        confidence=sure(len(hit), half=3),
        evidence=tuple(
            Evidence(
                f"{parent} took {fan.parent.duration_s * 1e3:.0f} ms, of which one {child} took "
                f"{fan.slowest.duration_s * 1e3:.0f} ms.",
                fan.slowest.trace_id,
                fan.slowest.span_id,
            )
            for fan in sorted(hit, key=lambda one: -_gain_s(one, slow_s))[:_SHOWN]
        ),
        figures={
            "fan_out": fan_out,
            "children_slow_share": children_slow,
            "parents_hit_share": parents_hit,
            "expected_share": 1 - (1 - children_slow) ** fan_out,
            "slow_ms": slow_s * 1e3,
            "child_median_ms": usual_s * 1e3,
        },
    )


def _gain_s(fan: _Fan, slow_s: float) -> float:
    others = [child.end_ns for child in fan.children if child.duration_s <= slow_s]
    last_ns = max(child.end_ns for child in fan.children)
    return (last_ns - max(others, default=fan.slowest.start_ns)) / 1e9
