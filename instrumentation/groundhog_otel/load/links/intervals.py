"""Stretches of time as ascending, disjoint pairs of whole nanoseconds, so that their lengths add up exactly."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ("Interval", "length", "union", "within", "without")

Interval = tuple[int, int]


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return what at least one of the intervals covers. Those that end before they start are left out."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def within(these: Iterable[Interval], those: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return what both cover."""
    others = union(those)
    return union(
        (max(start, other[0]), min(end, other[1])) for start, end in union(these) for other in others
    )  # few of either


def without(these: Iterable[Interval], those: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return what the first cover and the second do not."""
    found: list[Interval] = []
    others = union(those)
    for start, end in union(these):
        at = start
        for other_start, other_end in others:
            found.append((at, min(other_start, end)))
            at = max(at, min(other_end, end))
        found.append((at, end))
    return union(found)


def length(intervals: Iterable[Interval]) -> int:
    """Return how long the intervals are together."""
    return sum(end - start for start, end in union(intervals))
