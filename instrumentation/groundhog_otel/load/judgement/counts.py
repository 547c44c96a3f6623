"""What HDR histograms have counted, as arrays: what every statistic is reckoned from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Final

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from groundhog_otel.load.errors import LoadError

__all__ = ("Counts", "Floats", "Histogram", "Integers", "rank")

Histogram = Any
"""``hdrh.histogram.HdrHistogram`` of microseconds (its package has no types), or one as encoded in results."""
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LAYOUT: Final = (1, 3_600_000_000, 3)
_US: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How many requests took how long, in one or more slices of a test.

    A bin is the values that a histogram does not tell apart: less than 0.1 % of them wide. Only bins in which something
    was counted are kept.
    """

    low_s: Floats
    """The smallest value of each bin, ascending."""
    high_s: Floats
    """The largest."""
    slices: Integers
    """A row per slice, a column per bin."""

    @classmethod
    def of(cls, histograms: Iterable[Histogram | None]) -> Counts:
        """Return the counts of some histograms, a slice each; None is a slice in which nothing was counted.

        Raises:
            LoadError: a histogram has another layout than those of load tests.
        """
        rows = [_row(histogram) for histogram in histograms]
        used = np.unique(np.concatenate([_NONE, *(bins for bins, _ in rows)]))
        slices = np.zeros((len(rows), len(used)), dtype=np.int64)
        for number, (bins, counts) in enumerate(rows):
            slices[number, np.searchsorted(used, bins)] = counts
        low, size = _bins(used)
        return cls(np.multiply(low, _US, dtype=float), np.multiply(low + size - 1, _US, dtype=float), slices)

    @property
    def total(self) -> int:
        """How many were counted."""
        return int(self.slices.sum())

    @property
    def max_s(self) -> float:
        """The largest value, to the histogram's precision; 0 when there is none."""
        return float(self.high_s[-1]) if len(self.high_s) else 0.0

    def whole(self) -> Integers:
        """Return the counts by bin, of all slices together."""
        return np.asarray(self.slices.sum(axis=0), dtype=np.int64)

    def above(self, bound_s: float) -> int:
        """Return how many took longer than ``bound_s``; those that the histogram cannot tell from it did not."""
        return int(self.whole()[self.low_s > bound_s * (1 + 1e-12)].sum())

    def bin_at(self, position: int) -> int:
        """Return the bin of the value that is at ``position`` (from 1) in ascending order."""
        return int(np.searchsorted(np.cumsum(self.whole()), position))

    def at(self, percent: float) -> float:
        """Return a percentile in seconds, by nearest rank; 0 when there is nothing."""
        return float(self.high_s[self.bin_at(rank(self.total, percent))]) if self.total else 0.0

    def blocks(self, most: int) -> Counts:
        """Return it in at most ``most`` slices, neighbours taken together."""
        if len(self.slices) <= most:
            return self
        starts = np.linspace(0, len(self.slices), most, endpoint=False).astype(np.intp)
        return Counts(self.low_s, self.high_s, np.add.reduceat(self.slices, starts, axis=0))


def rank(count: int, percent: float) -> int:
    """Return which of ``count`` ordered values is the percentile: the first that ``percent`` of them do not exceed."""
    return max(ceil(Fraction(str(percent)) * count / 100), 1)


def _row(histogram: Histogram | None) -> tuple[NDArray[np.intp], Integers]:
    """Return the bins in which something was counted, and how much: all bins of every window would fill the memory."""
    if histogram is None:
        return _NONE, np.zeros(0, dtype=np.int64)
    if isinstance(histogram, str):
        histogram = HdrHistogram.decode(histogram)
    layout = (histogram.lowest_trackable_value, histogram.highest_trackable_value, histogram.significant_figures)
    if layout != _LAYOUT:
        raise LoadError(f"a histogram has the layout {layout}; load tests write {_LAYOUT}: is the file one of theirs?")
    counts = np.ctypeslib.as_array(histogram.counts)
    bins = np.flatnonzero(counts)
    return bins, counts[bins].astype(np.int64)


def _bins(index: NDArray[np.intp]) -> tuple[Integers, Integers]:
    """Return the smallest value of each bin and how many it stands for, as HdrHistogram lays them out."""
    half = _EMPTY.sub_bucket_half_count
    shift = np.maximum(index // half - 1, 0)
    within = np.where(index < half, index, index % half + half)
    return (within << shift).astype(np.int64), np.left_shift(1, shift).astype(np.int64)


_EMPTY: Final = HdrHistogram(*_LAYOUT)
_NONE: Final = np.zeros(0, dtype=np.intp)
