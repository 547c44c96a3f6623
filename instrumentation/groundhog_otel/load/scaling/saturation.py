"""What an instrumented server recorded of itself during a step: loop lag, and worker threads that were taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.store.model import Histogram, Series
from groundhog_otel.store.reader import read_runs

__all__ = ("Saturation", "saturation")

_LAG: Final = "groundhog.event_loop.lag"
_THREADS: Final = "groundhog.worker_threads."
_GRACE_NS: Final = 2_000_000_000
"""What a server that ends with the step writes last."""


@dataclass(frozen=True, slots=True)
class Saturation:
    """How full a server was. None is what is not recorded: docs/runtime.md says how it is."""

    loop_lag_mean_s: float | None = None
    """How late the event loop ran what was due."""
    loop_lag_p99_s: float | None = None
    """No more than this, by the histogram's bounds; infinite when it is past the last one."""
    worker_threads_share: float | None = None
    """Of the worker threads that may be busy at once, the most that were, 0 to 1."""
    worker_threads_waiting: int | None = None
    """The most calls that waited for one."""


def saturation(directories: Iterable[Path], start_ns: int, end_ns: int) -> Saturation:
    """Return what the recorded runs in ``directories`` say about the time between two instants.

    Metrics are exported every few seconds, so a step must last longer than that (``groundhog run --interval``).

    Raises:
        OSError: a file cannot be read.
    """
    recording = read_runs(directories)
    last_ns = end_ns + _GRACE_NS
    threads = [one for one in recording.series if one.name.startswith(_THREADS)]
    in_use, limit, waiting = (
        dict(_values(threads, name, start_ns, last_ns)) for name in ("in_use", "limit", "waiting")
    )
    shares = [in_use[key] / limit[key] for key in in_use if limit.get(key)]
    lag = _Lag()
    for one in recording.histograms:
        if one.name == _LAG:
            lag.add(one, start_ns, last_ns)
    return Saturation(
        loop_lag_mean_s=lag.mean_s,
        loop_lag_p99_s=lag.at_most_s(0.99),
        worker_threads_share=max(shares, default=None),
        worker_threads_waiting=max((int(value) for value in waiting.values()), default=None),
    )


def _values(series: Iterable[Series], name: str, start_ns: int, end_ns: int) -> Iterator[tuple[object, float]]:
    """Yield, by process, the largest value of one metric within the span."""
    for one in series:
        if one.name == _THREADS + name:
            values = [point.value for point in one.points if start_ns < point.time_ns <= end_ns]
            if values:
                yield one.process, max(values)


class _Lag:
    """What several series counted within a span, added up."""

    def __init__(self) -> None:
        self._total_s = 0.0
        self._counts: dict[float, int] = {}

    def add(self, lags: Histogram, start_ns: int, end_ns: int) -> None:
        """Add what a series counted between its last point before the span and its last one within."""
        within = [point for point in lags.points if start_ns < point.time_ns <= end_ns]
        if not within:
            return
        last = within[-1]
        before = [point for point in lags.points if point.time_ns <= start_ns]
        earlier = before[-1].counts if before else (0,) * len(last.counts)
        self._total_s += last.sum - (before[-1].sum if before else 0.0)
        for end, count, then in zip((*lags.boundaries, float("inf")), last.counts, earlier, strict=True):
            self._counts[end] = self._counts.get(end, 0) + count - then

    @property
    def mean_s(self) -> float | None:
        count = sum(self._counts.values())
        return self._total_s / count if count > 0 else None

    def at_most_s(self, share: float) -> float | None:
        count, seen = sum(self._counts.values()), 0
        if count <= 0:
            return None
        for end in sorted(self._counts):
            seen += self._counts[end]
            if seen >= share * count:
                return end
        return None
