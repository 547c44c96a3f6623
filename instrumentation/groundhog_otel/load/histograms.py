"""Latencies as HDR histograms of microseconds: 1 µs to an hour, to three significant digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from groundhog_otel.load.errors import LoadError

__all__ = ("decoded", "encoded", "merged", "new_histogram", "record")

_LOWEST_US: Final = 1
_HIGHEST_US: Final = 3_600_000_000
_DIGITS: Final = 3


def new_histogram() -> Any:
    """Return an empty histogram (``hdrh.histogram.HdrHistogram``)."""
    return HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)


def record(histogram: Any, ns: int) -> None:
    """Count a latency in nanoseconds. What is out of bounds counts as the bound."""
    histogram.record_value(min(max((ns + 500) // 1000, _LOWEST_US), _HIGHEST_US))


def encoded(histogram: Any) -> str:
    """Return a histogram as text: HdrHistogram's own compressed form, base 64."""
    text: str = histogram.encode().decode("ascii")
    return text


def decoded(text: str) -> Any:
    """Return the histogram that a text holds.

    Raises:
        LoadError: it holds none.
    """
    try:
        return HdrHistogram.decode(text)
    except Exception as error:  # the library raises whatever zlib, struct or base64 do
        raise LoadError(f"a histogram in it cannot be read ({type(error).__name__})") from None


def merged(texts: Iterable[str]) -> str:
    """Return the sum of histograms, bucket by bucket: nothing is lost, and their order does not matter."""
    total = new_histogram()
    for text in texts:
        total.add(decoded(text))
    return encoded(total)
