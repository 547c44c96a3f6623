"""How many of something there are per second, over the last minute."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

__all__ = ("Rate",)

_SLICES: Final = 12


class Rate:
    """A count of the last while, in a dozen slices."""

    def __init__(self, window_s: float = 60.0) -> None:
        self._slice_s = window_s / _SLICES
        self._since_s = monotonic()
        self._counts: dict[int, float] = {}
        self._lock = threading.RLock()  # a signal's handler may count, too

    def add(self, count: float) -> None:
        """Count so many, now."""
        with self._lock:
            number = self._move()
            self._counts[number] = self._counts.get(number, 0) + count

    @property
    def per_s(self) -> float:
        """Per second, over the window or since the first one was counted."""
        with self._lock:
            number, now_s = self._move(), monotonic()
            covered_s = now_s - max(self._since_s, (number - _SLICES + 1) * self._slice_s)
            return sum(self._counts.values()) / max(covered_s, 1e-3)

    def _move(self) -> int:
        number = int(monotonic() // self._slice_s)
        for old in [one for one in self._counts if one <= number - _SLICES]:
            del self._counts[old]
        return number
