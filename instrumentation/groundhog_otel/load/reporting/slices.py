"""How a test went over time: its windows, as many of them as a chart has room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from hdrh.histogram import HdrHistogram

from groundhog_otel.load.reporting.figures import per_second, recorded
from groundhog_otel.load.results.result import LoadResult, Window

__all__ = ("Slice", "slices")


@dataclass(frozen=True, slots=True)
class Slice:
    """One window, or neighbours taken together. All operations; rates per second, latencies of responses in seconds."""

    start_s: float
    length_s: float
    count: int
    rate: float
    due_rate: float
    error_rate: float
    p50_s: float | None
    """None when nothing was answered. Percentiles of a slice are what was seen in it, without an interval."""
    p99_s: float | None
    max_s: float | None


def slices(result: LoadResult, most: int = 120) -> tuple[Slice, ...]:
    """Return the windows in order, neighbours taken together where there are more than ``most``."""
    each = max(ceil(len(result.windows) / most), 1)
    windows = sorted(result.windows, key=lambda one: one.start_s)
    return tuple(_slice(windows[start : start + each]) for start in range(0, len(windows), each))


def _slice(windows: Sequence[Window]) -> Slice:
    length_s = sum(one.length_s for one in windows)
    whole = HdrHistogram(1, 3_600_000_000, 3)
    for window in windows:
        for encoded in window.response.values():
            whole.decode_and_add(encoded)
    values = recorded(whole)
    count = sum(one.count for one in windows)
    return Slice(
        start_s=windows[0].start_s,
        length_s=length_s,
        count=count,
        rate=per_second(count, length_s),
        due_rate=per_second(sum(one.due for one in windows), length_s),
        error_rate=per_second(sum(one.errors for one in windows), length_s),
        p50_s=_at(values, 0.5),
        p99_s=_at(values, 0.99),
        max_s=_at(values, 1.0),
    )


def _at(values: Iterable[tuple[float, int]], share: float) -> float | None:
    values = list(values)
    rank = max(ceil(share * sum(count for _, count in values)), 1)
    below = 0
    for value_s, count in values:
        below += count
        if below >= rank:
            return value_s
    return None
