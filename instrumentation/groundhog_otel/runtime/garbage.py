"""How long the garbage collector stops everything, and what it found.

The collector runs wherever memory is asked for, also while the same thread holds a lock of the metrics SDK. So its
callback does no more than write down a number; whoever collects metrics turns the numbers into measurements.
"""

from __future__ import annotations

import gc
from collections import deque
from time import perf_counter
from typing import Any, Final

from opentelemetry.metrics import Histogram, Observation

__all__ = ("GENERATION", "Pauses", "counts")

GENERATION: Final = "cpython.gc.generation"


class Pauses:
    """The pauses since the last collection of metrics, the latest 10,000 of them."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._started = 0.0
        self._waiting: deque[tuple[int, float]] = deque(maxlen=10_000)

    def install(self) -> None:
        """Have the collector call us."""
        gc.callbacks.append(self._called)

    def remove(self) -> None:
        """Leave ``gc.callbacks`` as it was."""
        if self._called in gc.callbacks:
            gc.callbacks.remove(self._called)

    def clear(self) -> None:
        """Forget what is not measured yet: in a forked child, it is its parent's."""
        self._waiting.clear()

    def drain(self) -> None:
        """Measure what was written down. Not to be called by the collector."""
        for _ in range(len(self._waiting)):  # no more than now: measuring makes garbage, too
            generation, duration_s = self._waiting.popleft()
            self._histogram.record(duration_s, {GENERATION: generation})

    def _called(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._started = perf_counter()
        elif self._started:
            self._waiting.append((info["generation"], perf_counter() - self._started))


def counts(key: str) -> list[Observation]:
    """Return one of ``gc.get_stats()``'s counters: ``collections``, ``collected`` or ``uncollectable``."""
    return [Observation(stats[key], {GENERATION: number}) for number, stats in enumerate(gc.get_stats())]
