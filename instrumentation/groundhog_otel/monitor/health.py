"""Each budget's state: met, exceeded, or not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from groundhog_otel.budgets import LATENCY_BUDGETS, PROCESS_LIMITS, Budget

if TYPE_CHECKING:
    from groundhog_otel.monitor.metrics import OperationMetrics, ResourceMetrics

__all__ = ("BudgetState", "Health", "State", "judged")

State = Literal["ok", "over", "unknown"]

_PROCESS: Final = {
    "memory": ("process.memory.usage", float(PROCESS_LIMITS.memory_bytes), "By"),
    "cpu": ("process.cpu.utilization", PROCESS_LIMITS.cpu_share, "1"),
    "network": ("groundhog.mcp.io", float(PROCESS_LIMITS.network_bytes_per_s), "By/s"),
    "disk": ("groundhog.folder.usage", float(PROCESS_LIMITS.disk_bytes), "By"),
}
_FEWEST_SHARES: Final = 3
"""A process is busy while it starts; a share of the CPU counts from the third look on."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """One budget, and what was measured of it within the window."""

    name: str
    """Of a class of operations, or ``memory``, ``cpu``, ``network``, ``disk``."""
    limit: float
    unit: str
    """``s``, ``By``, ``By/s`` or ``1`` for a share."""
    measured: float | None = None
    """The highest 99th percentile among the operations of the class; the latest memory; the average CPU share."""
    count: int = 0
    """Operations of the class, or looks at the process."""
    worst: str | None = None
    """The operation that ``measured`` is of."""

    @property
    def state(self) -> State:
        """Whether the budget is met; ``unknown`` when nothing was measured."""
        if self.measured is None:
            return "unknown"
        return "ok" if self.measured <= self.limit else "over"

    @property
    def consumed(self) -> float | None:
        """What was measured as a share of the limit."""
        return None if self.measured is None else self.measured / self.limit


@dataclass(frozen=True, slots=True)
class Health:
    """All budgets of a process."""

    budgets: tuple[BudgetState, ...]

    @property
    def state(self) -> State:
        """``over`` when any budget is, ``ok`` when none is and something was measured."""
        states = {one.state for one in self.budgets}
        return "over" if "over" in states else "ok" if "ok" in states else "unknown"

    @property
    def ok(self) -> bool:
        """Whether no budget is known to be exceeded."""
        return self.state != "over"

    @property
    def exceeded(self) -> tuple[BudgetState, ...]:
        """The budgets that are."""
        return tuple(one for one in self.budgets if one.state == "over")

    def __getitem__(self, name: str) -> BudgetState:
        """Return a budget by its name. Raises ``KeyError`` for one that there is not."""
        for one in self.budgets:
            if one.name == name:
                return one
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain dictionaries, numbers and strings."""
        return {
            "state": self.state,
            "budgets": {one.name: {"state": one.state, **asdict(one)} for one in self.budgets},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Health:
        """Return what :meth:`as_json` has made.

        Raises:
            KeyError, TypeError: it is something else.
        """
        budgets = [{key: value for key, value in one.items() if key != "state"} for one in raw["budgets"].values()]
        return cls(tuple(BudgetState(**one) for one in budgets))


def judged(operations: Iterable[OperationMetrics], resources: Iterable[ResourceMetrics]) -> Health:
    """Return the state of every budget. What nobody has measured is unknown."""
    by_class: dict[str, list[_Judged]] = {}
    for one in operations:
        if one.budget is not None and one.p99_s is not None:
            judgement = _Judged(one.p99_s / one.budget.limit_s, one.p99_s, one.budget, one.count, one.key.name)
            by_class.setdefault(one.budget.name, []).append(judgement)
    states = [
        _of_class(budget.name, by_class.pop(budget.name)) if budget.name in by_class else _unknown(budget)
        for budget in LATENCY_BUDGETS
    ]
    states += [_of_class(name, found) for name, found in by_class.items()]
    measured = {one.name: one for one in resources}
    for name, (metric, limit, unit) in _PROCESS.items():
        figure = measured.get(metric)
        states.append(BudgetState(name, limit, unit, _measured(figure), 0 if figure is None else figure.count))
    return Health(tuple(states))


def _measured(figure: ResourceMetrics | None) -> float | None:
    if figure is None or figure.unit != "1":
        return None if figure is None else figure.last
    return figure.avg if figure.count >= _FEWEST_SHARES else None


class _Judged(NamedTuple):
    """An operation; the worst of several is the greatest."""

    consumed: float
    p99_s: float
    budget: Budget
    calls: int
    name: str


def _of_class(name: str, found: list[_Judged]) -> BudgetState:
    # A block may have a limit of its own under a name that others use: each is held against its own.
    worst = max(found, key=lambda one: one.consumed)
    return BudgetState(name, worst.budget.limit_s, "s", worst.p99_s, sum(one.calls for one in found), worst.name)


def _unknown(budget: Budget) -> BudgetState:
    return BudgetState(budget.name, budget.limit_s, "s")
