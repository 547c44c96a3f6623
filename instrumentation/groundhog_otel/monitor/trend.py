"""Whether a figure grows, and how fast: the Theil-Sen slope of what was seen of it, with an interval.

The slope is the median of the slopes between all pairs of points, so no single peak moves it. The interval is Sen's
(1968), from the distribution of Kendall's tau; SciPy's ``theilslopes`` gives the same. A watched process has no SciPy.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import Final

__all__ = ("CONFIDENCE", "Series", "Trend", "theil_sen")

CONFIDENCE: Final = 0.95
_HOUR_S: Final = 3600.0
_FEWEST: Final = 5
"""Of fewer points no interval excludes anything."""
_MOST: Final = 64
"""Their pairs are two thousand, which takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Trend:
    """By how much a figure changes per hour, in its own unit."""

    per_hour: float
    low: float
    """The ends of the interval that holds the slope with a confidence of 95 %, if the points are independent."""
    high: float
    points: int
    over_s: float
    """From the first of the points to the last, in seconds: what an hour is told of."""

    @property
    def certain(self) -> bool:
        """Whether the figure grows, or falls, for sure: the interval excludes standing still."""
        return self.low > 0 or self.high < 0


def theil_sen(points: Sequence[tuple[float, float]], *, confidence: float = CONFIDENCE) -> Trend | None:
    """Return the trend of points of time (seconds, ascending) and value; None for fewer than five."""
    slopes = sorted(
        (value - before) / (at_s - before_s) * _HOUR_S
        for index, (at_s, value) in enumerate(points)
        for before_s, before in points[:index]
        if at_s != before_s
    )
    count = len(points)
    if count < _FEWEST or not slopes:
        return None
    ties_at = _ties(at_s for at_s, _ in points)
    ties_of = _ties(value for _, value in points)
    variance = (count * (count - 1) * (2 * count + 5) - ties_at - ties_of) / 18
    spread = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(max(variance, 0.0))
    upper = min(round((len(slopes) + spread) / 2), len(slopes) - 1)
    lower = max(round((len(slopes) - spread) / 2) - 1, 0)
    return Trend(median(slopes), slopes[lower], slopes[upper], count, points[-1][0] - points[0][0])


def _ties(values: Iterable[float]) -> int:
    return sum(many * (many - 1) * (2 * many + 5) for many in Counter(values).values())


class Series:
    """What was seen of one figure: the latest values as they are, and all of it thinned out, 64 points each at most.

    When the thin one is full every second point goes, and from then on half as many come in: a day takes no more room
    than a minute.
    """

    __slots__ = ("_every", "_latest", "_seen", "_thin")

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=_MOST)
        self._thin: list[tuple[float, float]] = []
        self._every = 1
        self._seen = 0

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, at_s: float, value: float) -> None:
        """Take note of a value; times ascend."""
        self._latest.append((at_s, value))
        if self._seen % self._every == 0:
            if len(self._thin) >= _MOST:
                self._thin = self._thin[::2]
                self._every *= 2
            self._thin.append((at_s, value))
        self._seen += 1

    def since(self, at_s: float) -> list[float]:
        """Return the values from ``at_s`` on, thinned out where that is long ago; at least the latest one."""
        from_s = self._latest[0][0] if self._latest else math.inf
        found = [value for when_s, value in self._thin if at_s <= when_s < from_s]
        found += [value for when_s, value in self._latest if when_s >= at_s]
        return found or [value for _, value in list(self._latest)[-1:]]

    def trend(self) -> Trend | None:
        """Return the trend of all of it."""
        return theil_sen(self._thin)
