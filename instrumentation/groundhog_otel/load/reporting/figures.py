"""The numbers that every report shows, reckoned once from the histograms of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
from hdrh.histogram import HdrHistogram

from groundhog_otel.budgets import Budget, budget_for
from groundhog_otel.load.judgement.percentiles import Estimate, estimate
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.results.result import LoadResult, OperationResult

__all__ = ("PERCENTS", "Figures", "OperationFigures", "Percentile", "curve", "figures", "per_second", "recorded")

PERCENTS: Final = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
_US: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Percentile:
    """One percentile of a latency, in seconds, or how many requests it would take."""

    percent: float
    value_s: float | None
    low_s: float
    high_s: float
    needed: int
    """Requests; 0 when there were enough."""


@dataclass(frozen=True, slots=True)
class OperationFigures:
    """One operation."""

    name: str
    count: int
    rate: float
    """Answered per second."""
    errors: int
    budget: Budget
    response: tuple[Percentile, ...]
    """From the moment each was due, for each of ``PERCENTS``."""
    service: tuple[Percentile, ...]
    """From the moment each was sent."""
    response_max_s: float
    service_max_s: float

    @property
    def error_share(self) -> float:
        """0 to 1."""
        return self.errors / self.count if self.count else 0.0

    @property
    def queueing(self) -> float | None:
        """How many times the service p99 the response p99 is; None when either has too few requests."""
        response, service = (
            next(one.value_s for one in kind if one.percent == 99) for kind in (self.response, self.service)
        )
        return response / service if response and service else None


@dataclass(frozen=True, slots=True)
class Figures:
    """A whole test: the operations with the most requests first."""

    operations: tuple[OperationFigures, ...]
    count: int
    errors: int
    rate: float


def figures(report: Report) -> Figures:
    """Reckon what is shown of each operation."""
    result = report.result
    own = [_operation(one, result) for one in result.operations]
    count = sum(one.count for one in own)
    return Figures(
        operations=tuple(sorted(own, key=lambda one: (-one.count, one.name))),
        count=count,
        errors=sum(one.errors for one in own),
        rate=per_second(count, result.duration_s),
    )


def curve(encoded: str, most: int = 120) -> list[tuple[float, float]]:
    """Return percentiles (0 to 100) and their values in seconds, for a line of at most some ``most`` points.

    They are even on the axis that gives every further nine the same width; the last one is the largest value.
    """
    values = recorded(HdrHistogram.decode(encoded))
    if not values:
        return []
    total = sum(count for _, count in values)
    drawn: list[tuple[float, float]] = []
    nines = np.log10(total)
    before = -1
    for value_s, below in zip((value for value, _ in values), accumulate(count for _, count in values), strict=True):
        step = most if below == total else int(-np.log10(1 - below / total) / nines * most)
        if step > before:
            # The largest value is the percentile of which one request is the rest.
            drawn.append((100 * min(below / total, 1 - 0.5 / total), value_s))
            before = step
    return drawn


def _operation(one: OperationResult, result: LoadResult) -> OperationFigures:
    windows = [window.response.get(one.name) for window in result.windows]
    return OperationFigures(
        name=one.name,
        count=one.count,
        rate=per_second(one.count, result.duration_s),
        errors=sum(one.errors.values()),
        budget=budget_for(one.method),
        response=_percentiles(one.response, windows),
        service=_percentiles(one.service, ()),
        response_max_s=_largest(one.response),
        service_max_s=_largest(one.service),
    )


def _percentiles(encoded: str, windows: Sequence[str | None]) -> tuple[Percentile, ...]:
    found = []
    for percent in PERCENTS:
        told = estimate(encoded, percent, windows=windows)
        if isinstance(told, Estimate):
            found.append(Percentile(percent, told.value_s, told.low_s, told.high_s, 0))
        else:
            found.append(Percentile(percent, None, 0.0, 0.0, told.needed))
    return tuple(found)


def recorded(histogram: Any) -> list[tuple[float, int]]:
    """Return the values in seconds, ascending, and how often each was recorded."""
    counts = np.ctypeslib.as_array(histogram.counts)
    return [
        (histogram.get_highest_equivalent_value(histogram.get_value_from_index(int(index))) * _US, int(counts[index]))
        for index in np.flatnonzero(counts)
    ]


def _largest(encoded: str) -> float:
    return float(HdrHistogram.decode(encoded).get_max_value()) * _US


def per_second(count: int, length_s: float) -> float:
    """Return a rate; 0 for what took no time."""
    return count / length_s if length_s > 0 else 0.0
