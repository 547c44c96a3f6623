"""Latencies, counted as an HDR histogram counts them, but sparsely.

An HDR histogram of 3 significant figures does not tell values apart that share their eleven leading bits. So counting
is a dictionary of those: a third of the time that the library takes in Python, and some kilobytes for each operation
and window rather than 190. Encoding and decoding are the library's.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from hdrh.histogram import HdrHistogram

from groundhog_otel.load.errors import LoadError

__all__ = ("HIGHEST_US", "Tally")

HIGHEST_US: Final = 3_600_000_000
_LAYOUT: Final = (1, HIGHEST_US, 3)
_BITS: Final = 11
"""Of the 2048 sub-buckets that 3 figures take."""
_TOLD_APART: Final = 1 << _BITS
"""Values below are counted each by itself."""


class Tally(dict[int, int]):
    """How often each latency occurred: microseconds to counts. At most some 20,000 entries, typically hundreds."""

    __slots__ = ()

    def add_ns(self, duration_ns: int) -> None:
        """Count a duration; below 1 µs as 1 µs, above an hour as an hour."""
        value = (duration_ns + 500) // 1000
        if value >= _TOLD_APART:
            value = min(value, HIGHEST_US)
            shift = value.bit_length() - _BITS
            value = value >> shift << shift
        elif value < 1:
            value = 1
        self[value] = self.get(value, 0) + 1

    def include(self, other: Tally) -> None:
        """Add the counts of another."""
        for value, number in other.items():
            self[value] = self.get(value, 0) + number

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.values())

    def percentiles_s(self, *percents: float) -> tuple[float, ...]:
        """Return percentiles in seconds: by nearest rank, the largest value that counts as the same; 0 if empty."""
        ordered, total = sorted(self.items()), self.count
        return tuple(_at(ordered, total * percent / 100) / 1e6 for percent in percents)

    def encode(self) -> str:
        """Return it as an HDR histogram in base 64 (its format V2)."""
        histogram = HdrHistogram(*_LAYOUT)
        for value, number in self.items():
            histogram.record_value(value, number)
        encoded: bytes = histogram.encode()
        return encoded.decode("ascii")

    @classmethod
    def decode(cls, text: str) -> Tally:
        """Return what was encoded.

        Raises:
            LoadError: it is no such histogram, or one of another layout.
        """
        try:
            histogram = HdrHistogram.decode(text)
        except Exception as error:  # whatever base64, zlib and the library raise for what is none
            raise LoadError(f"this is no HDR histogram ({type(error).__name__})") from None
        layout = (histogram.lowest_trackable_value, histogram.highest_trackable_value, histogram.significant_figures)
        if layout != _LAYOUT:
            raise LoadError(f"a histogram has the layout {layout}, and load tests write {_LAYOUT}")
        counts = np.ctypeslib.as_array(histogram.counts)
        used = np.flatnonzero(counts)
        half = _TOLD_APART // 2
        shift = np.maximum(used // half - 1, 0)
        values = np.where(used < half, used, used % half + half) << shift
        return cls(zip(values.tolist(), counts[used].tolist(), strict=True))


def _at(ordered: list[tuple[int, int]], rank: float) -> int:
    seen = 0
    for value, number in ordered:
        seen += number
        if seen >= rank:
            return value + (1 << max(value.bit_length() - _BITS, 0)) - 1
    return 0
