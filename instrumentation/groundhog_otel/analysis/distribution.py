"""How the durations of an operation are spread, in classes of equal ratio."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ("PER_DECADE", "Class", "distribution")

PER_DECADE: Final = 10
"""Classes between a duration and its tenfold: each is wider than the one before by a quarter, and 0.05 s is an edge."""
_SHORTEST_S: Final = 1e-6
"""What is shorter counts as this long: clocks tell no less."""
_PHASE: Final = math.log10(5) * PER_DECADE % 1
"""Puts an edge on each 5 of the decades, as most budgets are; those of 0.1 and 0.016 s lie within a class."""


@dataclass(frozen=True, slots=True)
class Class:
    """Durations from ``low_s`` (excluded) to ``high_s`` (included)."""

    low_s: float
    high_s: float
    count: int


def distribution(durations_s: Iterable[float]) -> tuple[Class, ...]:
    """Return how many durations are in each class, from the first class that has any to the last, by length."""
    counts: dict[int, int] = {}
    for one in durations_s:
        # A duration that is an edge, but for the rounding of its logarithm, belongs below it: a budget is met there.
        rank = math.ceil(math.log10(max(one, _SHORTEST_S)) * PER_DECADE - _PHASE - 1e-9)
        counts[rank] = counts.get(rank, 0) + 1
    if not counts:
        return ()
    ranks = range(min(counts), max(counts) + 1)
    return tuple(Class(_edge(rank - 1), _edge(rank), counts.get(rank, 0)) for rank in ranks)


def _edge(rank: int) -> float:
    return float(10 ** ((rank + _PHASE) / PER_DECADE))
