"""The state of the budgets, at any moment or for the time of one block."""

from __future__ import annotations

from collections.abc import Callable

from groundhog_otel.monitor.collector import MetricCollector
from groundhog_otel.monitor.health import BudgetState, Health
from groundhog_otel.monitor.measurement import Measurement
from groundhog_otel.report.units import duration, share, size

__all__ = ("WatchedHealth",)

_UNITS = {"s": duration, "By": size, "By/s": lambda value: f"{size(value)}/s", "1": share}
_DAY_S = 86_400.0


class WatchedHealth(Measurement):
    """Each budget's state. Asked outside of a block, it is that of the collector's window."""

    def __init__(self, collector: MetricCollector) -> None:
        self._collector = collector
        self._own: MetricCollector | None = None
        self._found: Health | None = None

    @property
    def health(self) -> Health:
        """The state of every budget: of the block while it runs and after it, else of the collector's window."""
        if self._found is not None:
            return self._found
        return (self._own or self._collector.start()).collect_metrics().health

    @property
    def ok(self) -> bool:
        """Whether no budget is known to be exceeded."""
        return self.health.ok

    def __bool__(self) -> bool:
        return self.ok

    def __getitem__(self, name: str) -> BudgetState:
        """Return a budget by its name. Raises ``KeyError`` for one that there is not."""
        return self.health[name]

    def require(self) -> WatchedHealth:
        """Return itself, if no budget is exceeded.

        Raises:
            AssertionError: one is; the message says which, and by what.
        """
        exceeded = self.health.exceeded
        if exceeded:
            raise AssertionError("; ".join(map(said, exceeded)))
        return self

    def _begin(self) -> None:
        self._found = None
        self._own = MetricCollector(window_s=_DAY_S).start()

    def _end(self, error: str | None) -> None:  # noqa: ARG002 - operations that fail take their time all the same
        own, self._own = self._own, None
        if own is not None:
            own.stop()
            self._found = own.collect_metrics().health

    def _again(self) -> WatchedHealth:
        return WatchedHealth(self._collector)

    def __repr__(self) -> str:
        health = self.health
        return f"health {health.state}: {'; '.join(map(said, health.exceeded)) or 'no budget exceeded'}"


def said(budget: BudgetState) -> str:
    """Return a budget's state as a clause: ``command: 63 ms of 50 ms (tools/call search)``."""
    unit: Callable[[float], str] = _UNITS[budget.unit]
    if budget.measured is None:
        return f"{budget.name}: not measured, against {unit(budget.limit)}"
    worst = "" if budget.worst is None else f" ({budget.worst})"
    return f"{budget.name}: {unit(budget.measured)} of {unit(budget.limit)}{worst}"
