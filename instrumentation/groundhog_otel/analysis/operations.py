"""MCP operations, grouped: how many, how fast, how often in error, and within their budget or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from groundhog_otel.analysis.percentiles import Latency, latency
from groundhog_otel.budgets import Budget, budget_for
from groundhog_otel.semconv import ERROR_TYPE, MCP_METHOD_NAME
from groundhog_otel.store.model import Span
from groundhog_otel.store.totals import OperationTotals

__all__ = ("Operation", "Side", "error_of", "method_of", "operations", "operations_of")

Side = Literal["client", "server"]

_SIDES: Final[tuple[Side, ...]] = ("client", "server")


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


def method_of(span: Span) -> str | None:
    """Return the MCP method that a span stands for; None when it is not the span of an MCP message."""
    method = span.attributes.get(MCP_METHOD_NAME)
    return method if span.kind in _SIDES and isinstance(method, str) and method else None


def error_of(span: Span) -> str | None:
    """Return why a span failed: its ``error.type``, or ``error`` when only its status says so."""
    kind = span.attributes.get(ERROR_TYPE)
    if kind is not None:
        return str(kind)
    return "error" if span.status == "error" else None


def operations(spans: Iterable[Span]) -> tuple[Operation, ...]:
    """Group the MCP spans among ``spans``: clients before servers, and within a service the most over budget first."""
    groups: dict[tuple[Side, str, str, str], list[Span]] = {}
    for span in spans:
        method = method_of(span)
        if method is not None:
            side: Side = "client" if span.kind == "client" else "server"
            groups.setdefault((side, span.process.service, method, span.name), []).append(span)
    found = [
        Operation(
            service=service,
            side=side,
            name=name,
            method=method,
            latency=latency(span.duration_s for span in group),
            errors=_counted(error_of(span) for span in group),
            budget=budget_for(method),
        )
        for (side, service, method, name), group in groups.items()
    ]
    return _ordered(found)


def operations_of(totals: Iterable[OperationTotals]) -> tuple[Operation, ...]:
    """Return the same of what a store has added up already."""
    return _ordered(
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
    )


def _ordered(found: Iterable[Operation]) -> tuple[Operation, ...]:
    return tuple(sorted(found, key=lambda one: (one.side, one.service, -one.load, one.name, one.method)))


def _counted(errors: Iterable[str | None]) -> tuple[tuple[str, int], ...]:
    counts = Counter(error for error in errors if error is not None)
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
