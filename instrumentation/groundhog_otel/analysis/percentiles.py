"""Percentiles of durations that are all known: exact, by nearest rank."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ("Latency", "latency", "nearest_rank")


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` of the values do not exceed.

    Always one of the values: nothing is interpolated between two calls that nobody made. ``ordered`` is in ascending
    order.

    Raises:
        ValueError: there is no value, or ``percent`` is not above 0 and at most 100.
    """
    if not ordered or not 0 < percent <= 100:
        raise ValueError("a percentile needs at least one value, and a percentage above 0 and at most 100")
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a number of operations took, in seconds."""

    count: int
    p50_s: float
    p90_s: float
    p99_s: float
    max_s: float

    @property
    def p99_is_max(self) -> bool:
        """Whether there are too few operations for the 99th percentile to differ from the slowest one."""
        return self.count < 100


def latency(durations_s: Iterable[float]) -> Latency:
    """Return the percentiles of some durations.

    Raises:
        ValueError: there are none.
    """
    ordered = sorted(durations_s)
    return Latency(
        count=len(ordered),
        p50_s=nearest_rank(ordered, 50),
        p90_s=nearest_rank(ordered, 90),
        p99_s=nearest_rank(ordered, 99),
        max_s=nearest_rank(ordered, 100),
    )
