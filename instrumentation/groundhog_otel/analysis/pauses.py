"""When the garbage collector has stopped a process for long, as far as metrics tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from groundhog_otel.store.model import Histogram, Process, Recording

__all__ = ("Stretch", "long_pauses")

_PAUSE: Final = "groundhog.gc.pause"
_LONG_S: Final = 0.01
"""Seconds: a fifth of a command's budget. What is shorter disappears in what an operation takes anyway."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time between two writings of the histogram."""

    start_ns: int
    end_ns: int
    pauses: int
    """Long ones."""
    paused_s: float
    """By them."""


def long_pauses(recording: Recording) -> Mapping[Process, list[Stretch]]:
    """Return by process the stretches in which there were long pauses, of generations whose pauses mostly are."""
    found: dict[Process, list[Stretch]] = defaultdict(list)
    for one in recording.histograms:
        if one.name == _PAUSE and _mostly_long(one):
            found[one.process].extend(stretch for stretch in _stretches(one) if stretch.pauses)
    return found


def _mostly_long(histogram: Histogram) -> bool:
    """Tell whether the half of all pauses are long: those of a young generation never are by themselves."""
    if not histogram.points:
        return False
    latest = histogram.points[-1]
    return 2 * sum(latest.counts[_short(histogram) :]) >= latest.count > 0


def _short(histogram: Histogram) -> int:
    """Return how many of the buckets are of short pauses."""
    return sum(1 for boundary in histogram.boundaries if boundary <= _LONG_S)


def _stretches(histogram: Histogram) -> Iterator[Stretch]:
    """Yield what came between one point and the next."""
    short = _short(histogram)
    for before, after in pairwise(histogram.points):
        new = [now - then for now, then in zip(after.counts, before.counts, strict=True)]
        if min(new) >= 0:  # else it has started over
            pauses = sum(new[short:])
            others_s = sum(number * most for number, most in zip(new, histogram.boundaries[:short], strict=False))
            paused_s = max(after.sum - before.sum - others_s, pauses * _LONG_S)
            yield Stretch(before.time_ns, after.time_ns, pauses, paused_s)
