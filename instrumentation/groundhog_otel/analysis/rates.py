"""How much of something there was between two moments, when it is known for intervals as wholes."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

__all__ = ("Rates",)


class Rates:
    """The sum of amounts, each spread evenly over its own interval.

    Built of ``(start_ns, end_ns, amount)``; intervals that end before they begin, or at once, are left out.
    """

    def __init__(self, amounts: Iterable[tuple[int, int, float]]) -> None:
        steps: dict[int, float] = defaultdict(float)
        for start_ns, end_ns, amount in amounts:
            if end_ns > start_ns:
                rate = amount / (end_ns - start_ns)
                steps[start_ns] += rate
                steps[end_ns] -= rate
        self._times = sorted(steps)
        self._rates = list(accumulate(steps[time] for time in self._times))
        lasting = (later - earlier for earlier, later in zip(self._times, self._times[1:], strict=False))
        parts = (rate * lasted for rate, lasted in zip(self._rates, lasting, strict=False))
        self._sums = [0.0, *accumulate(parts)]

    def between(self, start_ns: int, end_ns: int) -> float:
        """Return the amount between two moments; 0 when the second comes first."""
        return max(0.0, self._until(end_ns) - self._until(start_ns)) if end_ns > start_ns else 0.0

    def _until(self, time_ns: int) -> float:
        index = bisect_right(self._times, time_ns) - 1
        if index < 0:
            return 0.0
        return self._sums[index] + self._rates[index] * (time_ns - self._times[index])
