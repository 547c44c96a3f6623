"""Durations of the last minute, in bounded memory: exact while they are few, within 0.8 % when they are many.

A window is cut into slices. What a slice held is taken back when it is over, so reading costs what the distinct
durations cost, and not the calls. Durations fall into buckets, 64 to each power of two (as HDR histograms have them):
the middle of a bucket is within :data:`PRECISION` of everything in it.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final, TypeVar

from groundhog_otel.analysis.percentiles import nearest_rank

__all__ = ("EXACT", "PRECISION", "SLICES", "Reading", "Window", "bucket", "middle")

SLICES: Final = 12
EXACT: Final = 100
"""Up to so many durations are kept as they are. Fewer than that have no 99th percentile but their longest."""
_PER_OCTAVE: Final = 64
PRECISION: Final = 1 / (2 * _PER_OCTAVE)
"""The largest relative error of a percentile of more than :data:`EXACT` durations."""
_LEAST_S: Final = 1e-9
_MOST_ERRORS: Final = 20
OTHER_ERRORS: Final = "_OTHER"

K = TypeVar("K", int, str)


def bucket(duration_s: float) -> int:
    """Return the number of the bucket that a duration falls into."""
    mantissa, exponent = math.frexp(max(duration_s, _LEAST_S))
    return exponent * _PER_OCTAVE + int(mantissa * 2 * _PER_OCTAVE) - _PER_OCTAVE


def middle(number: int) -> float:
    """Return the middle of a bucket, in seconds."""
    exponent, step = divmod(number, _PER_OCTAVE)
    return math.ldexp((step + 0.5 + _PER_OCTAVE) / (2 * _PER_OCTAVE), exponent)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a window holds."""

    count: int
    errors: Mapping[str, int]
    """By ``error.type``."""
    p50_s: float | None = None
    p90_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None
    """Exact, as long as it is not the maximum of what is only in buckets; None when there was no call."""
    precision: float = 0.0
    """The largest relative error of the percentiles: 0 where they are exact."""


class _Slice:
    """Counts by bucket: in a dictionary while it grows, and then in a fraction of the room."""

    __slots__ = ("counts", "errors", "max_s", "settled")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.settled = array("i")
        """Bucket and count in turn, of what is no longer in ``counts``."""
        self.errors: dict[str, int] = {}
        self.max_s = 0.0

    def settle(self) -> None:
        """Put aside what there is: hardly any more will come."""
        if self.counts:
            self.settled.extend(chain.from_iterable(self.counts.items()))
            self.counts = {}

    def items(self) -> Iterable[tuple[int, int]]:
        """Return bucket and count, perhaps more than once for a bucket."""
        return chain(zip(self.settled[::2], self.settled[1::2], strict=True), self.counts.items())


class Window:
    """Not for several threads at once. Times are seconds of any one clock, which is always the same."""

    __slots__ = ("_counts", "_errors", "_latest", "_read", "_slice_s", "_slices", "_values", "count")

    def __init__(self, span_s: float) -> None:
        self._slice_s = span_s / SLICES
        self._slices: dict[int, _Slice] = {}
        self._counts: dict[int, int] = {}
        self._errors: dict[str, int] = {}
        self._values: deque[tuple[int, float]] = deque(maxlen=EXACT)
        self._latest = -math.inf
        self._read: Reading | None = None
        self.count = 0
        """How many durations it holds, as of the last :meth:`add` or :meth:`read`."""

    def add(self, at_s: float, duration_s: float, error: str | None = None) -> None:
        """Take one duration, that ended at ``at_s``; one from before the window is left out."""
        number = int(at_s // self._slice_s)
        if number > self._latest:
            for earlier in self._slices.values():
                earlier.settle()
            self._move(number)
        elif number <= self._latest - SLICES:
            return
        part = self._slices.get(number)
        if part is None:
            part = self._slices[number] = _Slice()
        where = bucket(duration_s)
        part.counts[where] = part.counts.get(where, 0) + 1
        self._counts[where] = self._counts.get(where, 0) + 1
        self._values.append((number, duration_s))
        part.max_s = max(part.max_s, duration_s)
        self.count += 1
        self._read = None
        if error is not None:
            if error not in self._errors and len(self._errors) >= _MOST_ERRORS:
                error = OTHER_ERRORS
            part.errors[error] = part.errors.get(error, 0) + 1
            self._errors[error] = self._errors.get(error, 0) + 1

    def read(self, now_s: float) -> Reading:
        """Return what is in the window that ends now."""
        self._move(max(self._latest, int(now_s // self._slice_s)))
        if self._read is None:  # most of many tools are idle from one look to the next
            self._read = self._reading()
        return self._read

    def _reading(self) -> Reading:
        errors = dict(sorted(self._errors.items(), key=lambda item: (-item[1], item[0])))
        if not self.count:
            return Reading(0, errors)
        longest_s = max(part.max_s for part in self._slices.values())
        if self.count <= EXACT and len(kept := self._kept()) == self.count:
            p50_s, p90_s, p99_s = (nearest_rank(kept, percent) for percent in (50, 90, 99))
            return Reading(self.count, errors, p50_s, p90_s, p99_s, longest_s)
        p50_s, p90_s, p99_s = (min(value, longest_s) for value in self._percentiles(50, 90, 99))
        return Reading(self.count, errors, p50_s, p90_s, p99_s, longest_s, PRECISION)

    def covered_s(self, now_s: float) -> float:
        """Return how long a time the window looks back on at ``now_s``."""
        return (SLICES - 1) * self._slice_s + now_s % self._slice_s

    def _kept(self) -> list[float]:
        """Return the durations within the window that are known as they are, in ascending order."""
        oldest = self._latest - SLICES
        return sorted(value for number, value in self._values if number > oldest)

    def _percentiles(self, *percents: float) -> list[float]:
        """Return the middle of the bucket of each nearest rank."""
        numbers = sorted(self._counts)
        seen = list(accumulate(map(self._counts.__getitem__, numbers)))
        ranks = (math.ceil(self.count * percent / 100) for percent in percents)
        return [middle(numbers[bisect_left(seen, rank)]) for rank in ranks]

    def _move(self, number: float) -> None:
        self._latest = number
        for old in [one for one in self._slices if one <= number - SLICES]:
            gone = self._slices.pop(old)
            self._read = None
            self.count -= _take_back(self._counts, gone.items())
            _take_back(self._errors, gone.errors.items())


def _take_back(totals: dict[K, int], gone: Iterable[tuple[K, int]]) -> int:
    """Subtract some counts, and return their sum."""
    taken = 0
    for key, count in gone:
        taken += count
        left = totals[key] - count
        if left:
            totals[key] = left
        else:
            del totals[key]
    return taken
