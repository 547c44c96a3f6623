"""Every budget beside what was measured: latencies by class, and what each process may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from groundhog_otel.analysis.operations import Operation
from groundhog_otel.analysis.trends import Trend
from groundhog_otel.budgets import LATENCY_BUDGETS, PROCESS_LIMITS

__all__ = ("Quantity", "Verdict", "verdicts")

Quantity = Literal["duration", "size", "share", "rate"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget, and whether it is met."""

    budget: str
    """``command``, ``protocol``, ``ui``, ``background``, ``memory``, ``cpu``, ``network``, ``disk``."""
    quantity: Quantity
    limit: float
    """Seconds, bytes, a share of the CPUs, or bytes a second, by ``quantity``."""
    measured: float | None
    """Of the worst, in the same unit; None when nothing was recorded that could be judged."""
    worst: str = ""
    """The operation or the process that ``measured`` is of."""
    within: int = 0
    """How many operations or processes are within the budget."""
    judged: int = 0
    missing: str = ""
    """Why there is nothing to judge, and what would give it; empty when there is."""

    @property
    def met(self) -> bool | None:
        """Whether all are within the budget; None when there is nothing to judge."""
        return None if self.measured is None else self.within == self.judged


_LIMITS: Final[Mapping[str, tuple[Quantity, float]]] = {
    "memory": ("size", PROCESS_LIMITS.memory_bytes),
    "cpu": ("share", PROCESS_LIMITS.cpu_share),
    "network": ("rate", PROCESS_LIMITS.network_bytes_per_s),
    "disk": ("size", PROCESS_LIMITS.disk_bytes),
}
_MISSING: Final[Mapping[str, str]] = {
    "memory": "no process.memory.usage was recorded: is the instrumentor groundhog_resources on?",
    "cpu": "no process.cpu.utilization was recorded: is the instrumentor groundhog_resources on?",
    "network": "no groundhog.mcp.io was recorded twice: only messages over pipes and HTTP are counted",
    "disk": "no folder is watched: name those that the process fills in OTEL_PYTHON_GROUNDHOG_FOLDERS",
}


def verdicts(operations: Sequence[Operation], trends: Iterable[Trend]) -> tuple[Verdict, ...]:
    """Return a verdict for each budget, latencies first.

    Latency is judged by the 99th percentile of each operation; CPU and network by the mean of each process, since a
    budget for work that goes on allows for its peaks; memory and disk by the largest value.
    """
    by_budget = {trend.budget: trend for trend in trends if trend.budget}
    latencies = [_latency(budget.name, budget.limit_s, operations) for budget in LATENCY_BUDGETS]
    return (*latencies, *(_resource(name, by_budget.get(name)) for name in _LIMITS))


def _latency(name: str, limit_s: float, operations: Iterable[Operation]) -> Verdict:
    own = [one for one in operations if one.budget.name == name]
    if not own:
        return Verdict(name, "duration", limit_s, None, missing="no operation of this class was recorded")
    worst = max(own, key=lambda one: one.latency.p99_s)
    return Verdict(
        name, "duration", limit_s, worst.latency.p99_s, f"{worst.name} ({worst.service}, {worst.side})",
        sum(one.met for one in own), len(own),
    )  # fmt: skip


def _resource(name: str, trend: Trend | None) -> Verdict:
    quantity, limit = _LIMITS[name]
    if trend is None or not trend.lines:
        return Verdict(name, quantity, limit, None, missing=_MISSING[name])
    pick = max if name in ("memory", "disk") else _mean
    found = [(pick([point.value for point in line.points]), line.name) for line in trend.lines]
    measured, worst = max(found)
    return Verdict(
        name, quantity, limit, measured, worst, sum(value <= limit for value, _ in found), len(found)
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
