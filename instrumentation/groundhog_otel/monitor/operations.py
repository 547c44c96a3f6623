"""The operations of a process by name, each with its window: fed by whoever sees them end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from groundhog_otel.budgets import Budget, budget_for
from groundhog_otel.mcp.names import OTHER
from groundhog_otel.monitor.metrics import Key, OperationMetrics
from groundhog_otel.monitor.window import Window

__all__ = ("MOST", "Operations")

MOST: Final = 500
"""Names that are told apart; others are taken together, as ``_OTHER``."""


class Operations:
    """Not for several threads at once. Times are seconds of one clock."""

    def __init__(self, window_s: float, since_s: float) -> None:
        self._window_s = window_s
        self._since_s = since_s
        self._windows: dict[Key, Window] = {}
        self._budgets: dict[Key, Budget | None] = {}

    def add(
        self, key: Key, at_s: float, duration_s: float, error: str | None = None, *, budget: Budget | None = None
    ) -> None:
        """Take an operation that ended at ``at_s``. ``budget`` is for what is no method of MCP."""
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= MOST:
                key = Key(key.side, OTHER)
            window = self._windows.setdefault(key, Window(self._window_s))
        if key not in self._budgets or budget is not None:
            self._budgets[key] = budget or _usual(key)
        window.add(at_s, duration_s, error)

    def read(self, now_s: float, in_flight: Mapping[Key, int] | None) -> tuple[OperationMetrics, ...]:
        """Return every operation that was ever seen or is under way, by name.

        ``in_flight`` is None when nobody knows.
        """
        found = []
        for key in sorted({*self._windows, *(in_flight or ())}, key=lambda key: (key.side, key.name)):
            window = self._windows.get(key) or Window(self._window_s)
            reading = window.read(now_s)
            watched_s = max(min(window.covered_s(now_s), now_s - self._since_s), 1e-3)
            found.append(
                OperationMetrics(
                    key=key,
                    count=reading.count,
                    per_s=reading.count / watched_s,
                    in_flight=None if in_flight is None else in_flight.get(key, 0),
                    errors=reading.errors,
                    p50_s=reading.p50_s,
                    p90_s=reading.p90_s,
                    p99_s=reading.p99_s,
                    max_s=reading.max_s,
                    precision=reading.precision,
                    budget=self._budgets[key] if key in self._budgets else _usual(key),
                )
            )
        return tuple(found)

    def covered_s(self, now_s: float) -> float:
        """Return how long a time is looked back on at ``now_s``, in seconds."""
        return max(min(Window(self._window_s).covered_s(now_s), now_s - self._since_s), 0.0)


def _usual(key: Key) -> Budget | None:
    return None if key.side == "block" else budget_for(key.method)
