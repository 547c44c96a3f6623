"""The block bootstrap: intervals that stay right though a load test's requests are not independent.

Requests that follow each other share the server's queue, its garbage collection, the noise of its machine. Drawing
whole slices of the test, rather than single requests, keeps what they share together.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import Final

import numpy as np
from scipy import stats

from groundhog_otel.load.judgement.counts import Counts, Floats, Integers

__all__ = ("LEAST_BLOCKS", "blocks_of", "draws", "effective_count", "interval", "percentiles", "resamples_for")

LEAST_BLOCKS: Final = 10
"""Fewer slices say too little about how much slices differ."""
_MOST_BLOCKS: Final = 60
_LEAST_RESAMPLES: Final = 1000
_MOST_RESAMPLES: Final = 10_000
_BEYOND: Final = 5


def blocks_of(windows: Counts, percent: float) -> Counts:
    """Return the slices to draw from: windows, taken together until neighbours have no more in common than by chance.

    What they might have in common is the share of requests above the percentile. Halving ends at ten slices, so what
    lasts for a tenth of the test and longer is not accounted for: nothing that is in the test could do that.
    """
    blocks = windows.blocks(_MOST_BLOCKS)
    while len(blocks.slices) >= 2 * LEAST_BLOCKS and _alike(_excess(blocks, percent)):
        blocks = blocks.blocks(len(blocks.slices) // 2)
    return blocks


def effective_count(blocks: Counts, percent: float, confidence: float) -> int:
    """Return how many independent requests would tell as much about a percentile as these do.

    The variance between blocks of the share below the percentile, over what it were for independent requests, is how
    many requests count as one; few blocks leave that uncertain, so Student's t takes the normal distribution's place:
    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data" (1998).
    """
    count, number = blocks.total, len(blocks.slices)
    below = 1 - blocks.above(blocks.at(percent)) / count
    alone = below * (1 - below) / count
    between = number / (number - 1) * float((_excess(blocks, percent) ** 2).sum()) / count**2
    if alone <= 0 or between <= alone:
        return count
    fewer = float(stats.norm.ppf((1 + confidence) / 2) / stats.t.ppf((1 + confidence) / 2, number - 1)) ** 2
    return max(int(count * alone / between * fewer), 1)


def resamples_for(blocks: int, confidence: float) -> int:
    """Return how many resamples leave a few beyond each end of :func:`interval`, as far as time allows."""
    return min(max(ceil(_BEYOND / _tail(blocks, confidence)), _LEAST_RESAMPLES), _MOST_RESAMPLES)


def draws(blocks: int, resamples: int, generator: np.random.Generator) -> Integers:
    """Return how often each block is in each resample: a row per resample."""
    return np.asarray(generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples), dtype=np.int64)


def percentiles(counts: Counts, drawn: Integers, percent: float) -> Floats:
    """Return the percentile of each resample, in seconds; NaN for one in which nothing was counted."""
    if not len(counts.high_s):
        return np.full(len(drawn), np.nan)
    totals = drawn @ counts.slices.sum(axis=1)
    # A rank is a whole number: the small allowance keeps 0.99 * 1000 from becoming 991.
    # In a resample without a request none is wanted: no bin has one.
    wanted = np.maximum(np.ceil(totals * (percent / 100) - 1e-6), totals > 0)
    by_bin = np.cumsum(counts.slices, axis=1).T.copy()
    first = np.zeros(len(drawn), dtype=np.intp)
    last = np.full(len(drawn), len(counts.high_s) - 1)
    # All resamples look for their bin at once, by halves: to make each histogram would take a hundred times as long.
    while (first < last).any():
        middle = (first + last) // 2
        below = (drawn * by_bin[middle]).sum(axis=1) < wanted
        first, last = np.where(below, middle + 1, first), np.where(below, last, middle)
    return np.where(totals > 0, counts.high_s[first], np.nan)


def interval(values: Floats, blocks: int, confidence: float) -> tuple[float, float]:
    """Return the interval that resampled values give: percentiles of them, expanded for few blocks.

    Plain bootstrap percentiles are too narrow when there are few blocks, by the square root of n / (n - 1) and by the
    difference between the normal and Student's t distribution: Hesterberg, "What Teachers Should Know About the
    Bootstrap" (2015), section 5.3.
    """
    tail = _tail(blocks, confidence)
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _excess(blocks: Counts, percent: float) -> Floats:
    """Return how many more requests of each block are above the percentile than its size explains."""
    sizes = blocks.slices.sum(axis=1)
    above = blocks.slices[:, blocks.high_s > blocks.at(percent)].sum(axis=1)
    return np.asarray(above - sizes * (above.sum() / max(sizes.sum(), 1)), dtype=np.float64)


def _alike(excess: Floats) -> bool:
    """Whether neighbours correlate: more than one standard deviation of what chance gives."""
    spread = float((excess**2).sum())
    return spread > 0 and float((excess[1:] * excess[:-1]).sum()) / spread > 1 / sqrt(len(excess))


def _tail(blocks: int, confidence: float) -> float:
    if blocks < 2:
        raise ValueError("an interval by resampling needs at least two blocks")
    reach = sqrt(blocks / (blocks - 1)) * float(stats.t.ppf((1 + confidence) / 2, blocks - 1))
    return float(stats.norm.sf(reach))
