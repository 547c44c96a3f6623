"""Whether something grows with the calls, steadily: of memory as a whole, of a line, of a type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy import stats

__all__ = ("LEAST_WINDOWS", "Growth", "growth_of")

LEAST_WINDOWS: Final = 6
"""Two for each third; an interval of fewer slopes than theirs has no confidence of 95 %."""
_STEADY: Final = 2.0
"""How far the fastest and the slowest third may be apart. A cache that fills up, or a table that doubles, is not so."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How something changes from call to call, by Theil's and Sen's median of slopes."""

    per_call: float
    low: float
    """Of the interval with 95 % confidence."""
    high: float
    thirds: tuple[float, float, float]
    """The mean change for each call in the first, second and last third."""

    @property
    def certain(self) -> bool:
        """Whether it grows at all: the interval is above nought."""
        return self.low > 0

    @property
    def steady(self) -> bool:
        """Whether it grows, and in all thirds about as fast."""
        return self.certain and min(self.thirds) > 0 and max(self.thirds) <= _STEADY * min(self.thirds)


def growth_of(values: Sequence[float], calls: Sequence[int]) -> Growth:
    """Return how the values grow with the calls: one of each for every end of a window, calls ascending.

    Raises ``ValueError`` for fewer than :data:`LEAST_WINDOWS` windows.
    """
    windows = len(values) - 1
    if windows < LEAST_WINDOWS:
        raise ValueError(f"{windows} windows are too few to tell; {LEAST_WINDOWS} are needed.")
    y, x = np.asarray(values, dtype=np.float64), np.asarray(calls, dtype=np.float64)
    slope, _, low, high = stats.theilslopes(y, x, 0.95)
    ends = [0, round(windows / 3), round(2 * windows / 3), windows]
    first, second, last = (float((y[end] - y[start]) / (x[end] - x[start])) for start, end in pairwise(ends))
    return Growth(float(slope), float(low), float(high), (first, second, last))
