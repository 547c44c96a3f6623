"""How long a block took, in a form that can be asserted on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import perf_counter
from typing import Final

from groundhog_otel.budgets import Budget
from groundhog_otel.monitor.measurement import Measurement
from groundhog_otel.report.units import duration

__all__ = ("Latency", "Limit", "compared", "seconds_of")

Limit = Budget | float | timedelta
Report = Callable[["Latency", "str | None"], None]
_NAMES: Final = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}


class Latency(Measurement):
    """Seconds, from the beginning of a block to its end; up to now while it is under way.

    It compares with a :class:`~groundhog_otel.budgets.Budget`, a number of seconds, a :class:`~datetime.timedelta` and
    another one: ``assert latency < COMMAND``.
    """

    def __init__(
        self,
        name: str,
        *,
        budget: Budget | None = None,
        on_begin: Callable[[Latency], None] = lambda _: None,
        on_end: Report = lambda _, __: None,
    ) -> None:
        self.name = name
        self.budget = budget
        self._on_begin = on_begin
        self._on_end = on_end
        self._started_s: float | None = None
        self._took_s: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds.

        Raises:
            RuntimeError: it has not begun.
        """
        if self._took_s is not None:
            return self._took_s
        if self._started_s is None:
            raise RuntimeError(f"{self.name} has not been measured: compare within the block, or after it")
        return perf_counter() - self._started_s

    @property
    def within_budget(self) -> bool:
        """Whether it is at or below its budget; it is where it has none."""
        return self.budget is None or self.seconds <= self.budget.limit_s

    def require(self, limit: Limit | None = None) -> Latency:
        """Return itself, if it is at or below ``limit``, by default its budget.

        Raises:
            AssertionError: it is above; the message says by how much.
            ValueError: there is neither a limit nor a budget.
        """
        limit = self.budget if limit is None else limit
        if limit is None:
            raise ValueError(f"{self.name} has no budget: give a limit")
        if self.seconds > seconds_of(limit):
            raise AssertionError(compared(self, "<=", limit))
        return self

    def took(self, seconds: float, error: str | None = None) -> Latency:
        """Take what was measured elsewhere, report it, and return itself."""
        self._took_s = seconds
        self._on_end(self, error)
        return self

    def _begin(self) -> None:
        self._took_s = None
        self._on_begin(self)
        self._started_s = perf_counter()

    def _end(self, error: str | None) -> None:
        if self._started_s is not None:
            self._took_s = perf_counter() - self._started_s
            self._on_end(self, error)

    def _again(self) -> Latency:
        return Latency(self.name, budget=self.budget, on_begin=self._on_begin, on_end=self._on_end)

    def __float__(self) -> float:
        return self.seconds

    def __lt__(self, other: object) -> bool:
        limit_s = _limit_s(other)
        return NotImplemented if limit_s is None else self.seconds < limit_s

    def __le__(self, other: object) -> bool:
        limit_s = _limit_s(other)
        return NotImplemented if limit_s is None else self.seconds <= limit_s

    def __gt__(self, other: object) -> bool:
        limit_s = _limit_s(other)
        return NotImplemented if limit_s is None else self.seconds > limit_s

    def __ge__(self, other: object) -> bool:
        limit_s = _limit_s(other)
        return NotImplemented if limit_s is None else self.seconds >= limit_s

    def __repr__(self) -> str:
        if self._took_s is None:
            return f"{self.name}, {'not measured' if self._started_s is None else 'under way'}"
        budget = "" if self.budget is None else f", against {_named(self.budget)}"
        return f"{self.name} took {duration(self._took_s)}{budget}"


def seconds_of(limit: Limit | Latency) -> float:
    """Return a limit in seconds.

    Raises:
        TypeError: it is none.
    """
    found = _limit_s(limit)
    if found is None:
        raise TypeError(f"{limit!r} is no limit: give a Budget, seconds, or a timedelta")
    return found


def compared(left: Latency, operator: str, right: object) -> str:
    """Return a comparison that does not hold as a sentence: by how much, and of what."""
    limit_s = _limit_s(right)
    if operator not in _NAMES or limit_s is None:
        return f"{left!r} {operator} {right!r} does not hold"
    apart_s = left.seconds - limit_s
    how = f"{duration(abs(apart_s))} {'over' if apart_s > 0 else 'under'}"
    what = _named(right) if isinstance(right, Budget) else duration(limit_s)
    return f"{left.name} took {duration(left.seconds)}, {how} {what}; expected {_NAMES[operator]} that"


def _limit_s(other: object) -> float | None:
    if isinstance(other, Budget):
        return other.limit_s
    if isinstance(other, Latency):
        return other.seconds
    if isinstance(other, timedelta):
        return other.total_seconds()
    return float(other) if isinstance(other, int | float) and not isinstance(other, bool) else None


def _named(budget: Budget) -> str:
    return f"the {budget.name} budget of {duration(budget.limit_s)}"
