"""Points as their writers count them, made into points that count from one start.

A delta stream counts since its point before. A cumulative one counts since its own start, and a process that is started
again, with the pid of the one before it or of one in another container, has another start. What all of them have
counted by some time is the sum of the latest that each says.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from operator import add, sub

from groundhog_otel.store.model import Buckets, Point
from groundhog_otel.store.otlp import HistogramSample

__all__ = ("joined", "running_total")


def running_total(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return delta points added up, by time."""
    total, found = 0.0, []
    for point in sorted(points, key=lambda one: one.time_ns):
        total += point.value
        found.append(Point(point.time_ns, total))
    return tuple(found)


def joined(samples: Iterable[HistogramSample]) -> tuple[Buckets, ...]:
    """Return what the samples of one series, all of the same boundaries, have counted by the time of each of them."""
    latest: dict[tuple[bool, int, int], Buckets] = {}
    restarts: Counter[tuple[bool, int]] = Counter()
    counts: tuple[int, ...] = ()
    found: list[Buckets] = []
    for sample in sorted(samples, key=lambda one: one.buckets.time_ns):
        now = sample.buckets
        start_ns = 0 if sample.delta else sample.start_ns
        before = latest.get((sample.delta, start_ns, restarts[sample.delta, start_ns]))
        if before is not None and sample.delta:
            now = Buckets(
                now.time_ns, before.count + now.count, before.sum + now.sum, tuple(map(add, before.counts, now.counts))
            )
        elif before is not None and now.count < before.count:  # it has begun anew and does not say so
            restarts[sample.delta, start_ns] += 1
            before = None
        latest[sample.delta, start_ns, restarts[sample.delta, start_ns]] = now
        grown = now.counts if before is None else tuple(map(sub, now.counts, before.counts))
        counts = tuple(map(add, counts, grown)) if counts else grown
        total = Buckets(now.time_ns, sum(counts), math.fsum(one.sum for one in latest.values()), counts)
        if found and found[-1].time_ns == now.time_ns:
            found.pop()
        found.append(total)
    return tuple(found)
