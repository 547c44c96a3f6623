"""What :class:`~groundhog_otel.monitor.collector.MetricCollector` collects, and its form as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, NamedTuple

from groundhog_otel.budgets import Budget
from groundhog_otel.monitor.health import Health, State
from groundhog_otel.monitor.trend import Trend

__all__ = ("FORMAT", "CollectedMetrics", "Key", "OperationMetrics", "ResourceMetrics", "Side", "from_json")

Side = Literal["client", "server", "block"]
FORMAT: Final = 1
"""Raised when a key of the JSON changes its meaning."""


class Key(NamedTuple):
    """Which operations are taken together."""

    side: Side
    """Who measured it: the end of an MCP message, or a block of code that is measured by hand."""
    method: str
    """A method of MCP, or the name of a block."""
    target: str | None = None
    """The tool or prompt."""

    @property
    def name(self) -> str:
        """``{method} {target}``, as its span is called."""
        return self.method if self.target is None else f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True)
class OperationMetrics:
    """All operations of one name at one side, within the window."""

    key: Key
    count: int
    per_s: float
    """Of those that have ended, per second."""
    in_flight: int | None
    """Under way at this moment; None where that is known of all operations only."""
    errors: Mapping[str, int]
    """By ``error.type``, the most frequent first."""
    p50_s: float | None
    p90_s: float | None
    p99_s: float | None
    max_s: float | None
    precision: float
    """The largest relative error of the percentiles: 0 where they are exact."""
    budget: Budget | None
    """None for a block that has none."""

    @property
    def error_count(self) -> int:
        """How many failed."""
        return sum(self.errors.values())

    @property
    def error_rate(self) -> float:
        """The share that failed, 0 to 1."""
        return self.error_count / self.count if self.count else 0.0

    @property
    def state(self) -> State:
        """Whether the 99th percentile is within the budget."""
        if self.budget is None or self.p99_s is None:
            return "unknown"
        return "ok" if self.p99_s <= self.budget.limit_s else "over"


@dataclass(frozen=True, slots=True)
class ResourceMetrics:
    """One figure of the process, within the window; its trend is of all that was seen of it."""

    name: str
    """As OpenTelemetry names it, like ``process.memory.usage``."""
    unit: str
    last: float
    avg: float
    max: float
    count: int
    """How many values that is of."""
    trend: Trend | None
    """None until five points have been seen."""


@dataclass(frozen=True, slots=True)
class CollectedMetrics:
    """One process at one moment."""

    at_s: float
    """Since 1970."""
    window_s: float
    """How far back it looks; less than what was asked for when watching began only then."""
    service: str
    pid: int | None
    operations: tuple[OperationMetrics, ...]
    resources: tuple[ResourceMetrics, ...]
    loop_lag_s: float | None
    """How long the slowest event loop took to answer; None where none is known, infinite where one did not."""
    health: Health
    in_flight: int
    """Operations under way."""
    running: bool = True
    """Whether the process is still there, as far as its recording tells."""
    others: Mapping[str, float] = field(default_factory=dict)
    """What blocks have counted, per second, by name."""

    @property
    def per_s(self) -> float:
        """Operations that have ended, per second."""
        return sum(one.per_s for one in self.operations)

    @property
    def error_rate(self) -> float:
        """The share of all operations that failed, 0 to 1."""
        count = sum(one.count for one in self.operations)
        return sum(one.error_count for one in self.operations) / count if count else 0.0

    def resource(self, name: str) -> ResourceMetrics | None:
        """Return a figure by its name."""
        return next((one for one in self.resources if one.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain dictionaries, lists, numbers and strings."""
        lag_s = self.loop_lag_s
        return {
            "format": FORMAT,
            "at_s": self.at_s,
            "window_s": self.window_s,
            "service": self.service,
            "pid": self.pid,
            "running": self.running,
            "per_s": self.per_s,
            "error_rate": self.error_rate,
            "in_flight": self.in_flight,
            "loop_lag_s": None if lag_s == float("inf") else lag_s,
            "loop_answers": None if lag_s is None else lag_s != float("inf"),
            "operations": [_operation(one) for one in self.operations],
            "resources": [asdict(one) for one in self.resources],
            "throughput": dict(self.others),
            "health": self.health.as_json(),
        }


def _operation(one: OperationMetrics) -> dict[str, Any]:
    return {
        "side": one.key.side,
        "method": one.key.method,
        "target": one.key.target,
        "count": one.count,
        "per_s": one.per_s,
        "in_flight": one.in_flight,
        "errors": dict(one.errors),
        "p50_s": one.p50_s,
        "p90_s": one.p90_s,
        "p99_s": one.p99_s,
        "max_s": one.max_s,
        "precision": one.precision,
        "budget": None if one.budget is None else asdict(one.budget),
    }


def from_json(raw: Mapping[str, Any]) -> CollectedMetrics:
    """Return what :meth:`CollectedMetrics.as_json` has made.

    Raises:
        KeyError, TypeError, ValueError: it is something else, or of a format that this release does not know.
    """
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']!r} is not {FORMAT}")
    answers = raw["loop_answers"]
    return CollectedMetrics(
        at_s=float(raw["at_s"]),
        window_s=float(raw["window_s"]),
        service=str(raw["service"]),
        pid=raw["pid"],
        operations=tuple(_operation_from(dict(one)) for one in raw["operations"]),
        resources=tuple(
            ResourceMetrics(**{**one, "trend": None if one["trend"] is None else Trend(**one["trend"])})
            for one in raw["resources"]
        ),
        loop_lag_s=float("inf") if answers is False else raw["loop_lag_s"],
        health=Health.from_json(raw["health"]),
        in_flight=int(raw["in_flight"]),
        running=bool(raw["running"]),
        others=dict(raw["throughput"]),
    )


def _operation_from(raw: dict[str, Any]) -> OperationMetrics:
    key = Key(raw.pop("side"), raw.pop("method"), raw.pop("target"))
    budget = raw.pop("budget")
    return OperationMetrics(key=key, budget=None if budget is None else Budget(**budget), **raw)
