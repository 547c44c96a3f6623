"""MCP operations, grouped: how many, how fast, how often in error, and within their budget or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from groundhog_otel.analysis.percentiles import Latency
from groundhog_otel.budgets import Budget, budget_for
from groundhog_otel.store.model import Span
from groundhog_otel.store.totals import OperationTotals, error_of, method_of, totals_of

__all__ = ("Operation", "Side", "error_of", "method_of", "operations", "operations_of")

Side = Literal["client", "server"]


@dataclass(frozen=True, slots=True)
class Operation:
    """All operations of one name at one side of one service."""

    service: str
    side: Side
    name: str
    """``{method} {target}``, the span's name."""
    method: str
    latency: Latency
    errors: tuple[tuple[str, int], ...]
    """Each ``error.type`` and how often, the most frequent first, and by name."""
    budget: Budget

    @property
    def error_count(self) -> int:
        """How many failed."""
        return sum(count for _, count in self.errors)

    @property
    def met(self) -> bool:
        """Whether the 99th percentile is within the budget."""
        return self.latency.p99_s <= self.budget.limit_s

    @property
    def load(self) -> float:
        """The 99th percentile as a share of the budget."""
        return self.latency.p99_s / self.budget.limit_s


def operations(spans: Iterable[Span]) -> tuple[Operation, ...]:
    """Group the MCP spans among ``spans``: clients before servers, and within a service the most over budget first."""
    return operations_of(totals_of(spans))


def operations_of(totals: Iterable[OperationTotals]) -> tuple[Operation, ...]:
    """Return the same of what a store has added up already."""
    found = [
        Operation(
            service=one.service,
            side=one.side,
            name=one.name,
            method=one.method,
            latency=Latency(one.count, one.p50_s, one.p90_s, one.p99_s, one.max_s),
            errors=one.errors,
            budget=budget_for(one.method),
        )
        for one in totals
    ]
    return tuple(sorted(found, key=lambda one: (one.side, one.service, -one.load, one.name, one.method)))
