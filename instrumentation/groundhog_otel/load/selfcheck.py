"""The generator watches itself; what that means for a result is said in :mod:`groundhog_otel.load.soundness`."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, final

from groundhog_otel.load.histograms import new_histogram, record
from groundhog_otel.load.result import SelfCheck

__all__ = ("Watch",)


@final
class Watch:
    """Measures this process from ``__enter__`` to ``__exit__``: CPU, garbage collection, how late requests begin."""

    def __init__(self, worker: int = 0) -> None:
        self._worker = worker
        self._late = new_histogram()
        self._begun = self._lap = (0, 0)
        self._most = 0.0
        self._pause_begun = self._pauses_ns = self._longest_ns = 0

    def __enter__(self) -> Watch:
        gc.callbacks.append(self._collecting)
        self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        gc.callbacks.remove(self._collecting)

    def restart(self) -> None:
        """Forget what was: the warm-up is over."""
        self._begun = self._lap = _now()
        self._most = 0.0
        self._late = new_histogram()
        self._pauses_ns = self._longest_ns = 0

    def late(self, ns: int) -> None:
        """Count by how much a request began later than it was due."""
        record(self._late, max(ns, 0))

    def lap(self) -> float:
        """Return the share of one CPU that was used since the last lap."""
        now = _now()
        share = _share(self._lap, now)
        self._lap = now
        self._most = max(self._most, share)
        return share

    def result(self) -> SelfCheck:
        """Return how the generator fared."""
        late: Any = self._late
        any_late = late.get_total_count() > 0
        share = _share(self._begun, _now())
        return SelfCheck(
            worker=self._worker,
            cpu_share=share,
            cpu_share_max=max(self._most, share),
            scheduling_error_p50_s=late.get_value_at_percentile(50) / 1e6 if any_late else 0.0,
            scheduling_error_p99_s=late.get_value_at_percentile(99) / 1e6 if any_late else 0.0,
            scheduling_error_max_s=late.get_max_value() / 1e6 if any_late else 0.0,
            gc_pause_total_s=self._pauses_ns / 1e9,
            gc_pause_max_s=self._longest_ns / 1e9,
        )

    def _collecting(self, phase: str, _info: Mapping[str, int]) -> None:
        now = time.perf_counter_ns()
        if phase == "start":
            self._pause_begun = now
        elif self._pause_begun:
            self._pauses_ns += now - self._pause_begun
            self._longest_ns = max(self._longest_ns, now - self._pause_begun)


def _now() -> tuple[int, int]:
    return time.process_time_ns(), time.perf_counter_ns()


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    elapsed = after[1] - before[1]
    return (after[0] - before[0]) / elapsed if elapsed > 0 else 0.0
