"""Mann-Whitney's test on histograms: whether requests of one test tend to be slower than those of another."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from groundhog_otel.load.judgement.counts import Floats, Integers

__all__ = ("RankTest", "mann_whitney", "wins")


@dataclass(frozen=True, slots=True)
class RankTest:
    """What Mann and Whitney's test says."""

    chance_slower: float
    """That a request of the second test takes longer than one of the first, ties counted half: 0.5 is no difference."""
    p: float
    """Of a difference as large by chance, were all requests independent."""


def mann_whitney(first: Integers, second: Integers) -> RankTest:
    """Return the test of two counts by the same bins; two-sided, with corrections for ties and continuity.

    The same as ``scipy.stats.mannwhitneyu(method="asymptotic")`` of the values themselves, of which there may be
    millions here. Values of one bin are ties.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    m, n = float(a.sum()), float(b.sum())
    if not m or not n:
        return RankTest(0.5, 1.0)
    chance = float(wins(a[None, :], b[None, :])[0, 0]) / (m * n)
    ties = a + b
    total = m + n
    variance = m * n / 12 * ((total + 1) - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0:
        return RankTest(chance, 1.0)
    z = (abs(chance - 0.5) * m * n - 0.5) / sqrt(variance)
    return RankTest(chance, min(2 * float(stats.norm.sf(z)), 1.0))


def wins(first: Floats, second: Floats) -> Floats:
    """Return in how many pairs the value of a row of the second is above that of a row of the first; ties count half.

    A row for each of the first's, a column for each of the second's: what any resample of the rows adds up from.
    """
    below = np.cumsum(first, axis=1) - first / 2
    return np.asarray(below @ second.T, dtype=np.float64)
