"""What a schedule is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

__all__ = ("Arrivals",)


class Arrivals(Protocol):
    """A schedule. Nothing that happens during a test changes it."""

    def times(self, duration: float, seed: int) -> Iterator[float]:
        """Return the starts, in seconds from the beginning, ascending, each below ``duration``."""
        ...

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it: JSON."""
        ...
