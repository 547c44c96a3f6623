"""How many of something there are per second, over the last minute."""

from __future__ import annotations

from threading import get_ident
from time import monotonic
from typing import Final

__all__ = ("Rate",)

_SLICES: Final = 12


class Rate:
    """A count of the last while, in a dozen slices.

    Nothing is locked. Each thread adds to numbers of its own, so that no addition is lost, and no fork finds a lock
    held.
    """

    def __init__(self, window_s: float = 60.0) -> None:
        self._slice_s = window_s / _SLICES
        self._since_s = monotonic()
        self._counts: dict[tuple[int, int], float] = {}
        """By slice and thread."""

    def add(self, count: float) -> None:
        """Count so many, now."""
        key = self._now(), get_ident()
        if key not in self._counts:
            self._forget(key[0] - _SLICES)
        self._counts[key] = self._counts.get(key, 0) + count

    @property
    def per_s(self) -> float:
        """Per second, over the window or since the first one was counted."""
        now_s, number = monotonic(), self._now()
        oldest = number - _SLICES + 1
        counted = sum(count for (of, _), count in list(self._counts.items()) if of >= oldest)
        return counted / max(now_s - max(self._since_s, oldest * self._slice_s), 1e-3)

    def _now(self) -> int:
        return int(monotonic() // self._slice_s)

    def _forget(self, number: int) -> None:
        for key in list(self._counts):
            if key[0] <= number:
                self._counts.pop(key, None)
