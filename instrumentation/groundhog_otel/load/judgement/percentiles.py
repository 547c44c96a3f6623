"""Percentiles with the interval in which the truth lies, and a refusal where there are too few requests for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log
from typing import Final

import numpy as np
from scipy import stats

from groundhog_otel.load.judgement.counts import Counts, Histogram
from groundhog_otel.load.judgement.resampling import (
    LEAST_BLOCKS,
    blocks_of,
    draws,
    effective_count,
    interval,
    percentiles,
    resamples_for,
)

__all__ = ("PERCENTS", "Estimate", "TooFew", "estimate", "estimate_counts", "needed")

PERCENTS: Final = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
"""Those that a result shows."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A percentile, and the interval that holds the true one."""

    value_s: float
    """By nearest rank, to the histogram's precision."""
    low_s: float
    high_s: float
    count: int
    """Of how many requests."""
    by_blocks: bool = False
    """Whether the interval is wider than independent requests would have it, because neighbours are alike."""


@dataclass(frozen=True, slots=True)
class TooFew:
    """A percentile that cannot be told."""

    needed: int
    """How many requests it takes."""
    count: int
    """How many there were."""


def needed(percent: float, *, confidence: float = 0.95) -> int:
    """Return how many requests a percentile takes.

    With fewer, the chance that all of them are on one side of the true percentile is too great, and one end of the
    interval would be a value that nobody has seen. For 95 %: 6 for p50, 368 for p99, 3,688 for p99.9, 36,887 for
    p99.99.

    Raises:
        ValueError: ``percent`` or ``confidence`` is not between its bounds.
    """
    if not 0 < percent < 100 or not 0 < confidence < 1:
        raise ValueError("a percentile is above 0 and below 100, a confidence above 0 and below 1")
    share = percent / 100
    return ceil(log((1 - confidence) / 2) / log(max(share, 1 - share)))


def estimate(
    histogram: Histogram, percent: float, *, confidence: float = 0.95, windows: Iterable[Histogram | None] = ()
) -> Estimate | TooFew:
    """Return a percentile of an HDR histogram of microseconds (an object, or encoded), with its interval.

    The interval is between two of the values themselves, chosen by the binomial distribution: whatever the latencies
    are distributed like, it holds the true percentile in ``confidence`` of all tests, or a little more (order
    statistics: Conover, "Practical Nonparametric Statistics", section 3.2).

    That is so for requests that are independent, and those of a load test are not: whatever slows one down slows its
    neighbours down too, so a thousand of them tell less than a thousand would. Give ``windows``, the histograms of the
    test's slices. From ten on, the interval also allows for what they have in common, in two ways: by the binomial
    distribution of as many requests as these are worth, and by drawing whole slices (a block bootstrap). The widest is
    returned: a bootstrap of few extremes is too narrow, and so is a number of requests when some slices are far off.

    Two things remain. A test's end of the interval cannot be above its slowest request, so where few slices made all
    that is slow, the truth may be. And the interval speaks of this test: what changes within more than a tenth of its
    length, or from one day to the next, is not in it.

    Raises:
        ValueError: ``percent`` or ``confidence`` is not between its bounds.
        LoadError: a histogram has another layout than those of load tests.
    """
    return estimate_counts(Counts.of([histogram]), percent, confidence=confidence, windows=Counts.of(windows))


def estimate_counts(
    counts: Counts, percent: float, *, confidence: float = 0.95, windows: Counts | None = None
) -> Estimate | TooFew:
    """Return what :func:`estimate` does, of counts that are decoded already."""
    count, least = counts.total, needed(percent, confidence=confidence)
    if count < least:
        return TooFew(needed=least, count=count)
    low_s, high_s = _by_order(counts, percent, confidence, count)
    by_blocks = False
    if windows is not None and windows.total and len(windows.slices) >= LEAST_BLOCKS:
        blocks = blocks_of(windows, percent)
        number = len(blocks.slices)
        drawn = draws(number, resamples_for(number, confidence), np.random.default_rng(0))
        others = (
            _by_order(counts, percent, confidence, effective_count(blocks, percent, confidence)),
            interval(percentiles(blocks, drawn, percent), number, confidence),
        )
        by_blocks = max(high - low for low, high in others) > high_s - low_s
        low_s, high_s = min(low_s, *(low for low, _ in others)), max(high_s, *(high for _, high in others))
    return Estimate(counts.at(percent), low_s, high_s, count, by_blocks)


def _by_order(counts: Counts, percent: float, confidence: float, worth: int) -> tuple[float, float]:
    """Return the interval between two of the values, as it is when they are worth ``worth`` independent ones."""
    tail = (1 - confidence) / 2
    # The chance that at most `first - 1` values are below the percentile, and that at least `last` are, is `tail` each.
    first = int(stats.binom.ppf(tail, worth, percent / 100))
    last = int(stats.binom.ppf(1 - tail, worth, percent / 100)) + 1
    scale = counts.total / worth
    low = counts.low_s[counts.bin_at(max(floor(first * scale), 1))]
    high = counts.high_s[counts.bin_at(min(ceil(last * scale), counts.total))]
    return float(low), float(high)
