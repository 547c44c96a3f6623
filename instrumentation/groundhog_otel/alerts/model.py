"""An alert as it is written, and as it is understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from groundhog_otel.alerts.quantities import written
from groundhog_otel.catalogue import Metric

__all__ = ("BURN_RATES", "SHORT", "Alert", "AlertConfig", "Intervals", "Measure")

Measure = Literal["latency", "p99", "errors", "level", "rate", "absence"]

BURN_RATES: Final[Mapping[str, float]] = MappingProxyType({"page": 14.4, "ticket": 6, "warning": 6, "info": 1})
"""Severities, and how many times too fast the error budget must be used up before a latency alert fires.

The pairs of the SRE workbook, "Alerting on SLOs": 14.4 over an hour is 2 % of thirty days' budget, 6 over six hours
5 %.
"""
SHORT: Final = 12
"""A window's twelfth has to be over the threshold as well, so that the alert ends soon after its cause has."""


class Intervals(NamedTuple):
    """How often numbers are renewed, in seconds: what bounds how short a window may be."""

    scrape_s: float = 5.0
    """Prometheus' scrapes, and the Collector's flushes of what it measures of spans."""
    export_s: float = 60.0
    """What watched processes report (``OTEL_METRIC_EXPORT_INTERVAL``)."""


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """An alert as written in ``alerts.yaml``: names by the semantic conventions, quantities as text."""

    name: str
    metric: str
    window: str
    severity: str
    threshold: str = ""
    """``50ms``, ``500MB``, ``30%``, ``50MB/s``. None for the absence of data."""
    measure: str = ""
    """``latency``, ``p99``, ``errors``, ``level``, ``rate`` or ``absence``; empty for what is implied."""
    methods: str = ""
    """The class of MCP methods, a budget's name; empty for all."""
    by: str = "service"
    """What each is watched for itself: ``service`` or ``tool``."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Attributes that must have these values."""
    objective: str = "99%"
    """The share of operations that have to be within a latency threshold."""
    min_count: int | None = None
    """Operations in the window below which there is no alert; by default, ten slow or failed ones at the threshold."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that can be had: every number in its base unit."""

    name: str
    metric: Metric
    measure: Measure
    threshold: float
    unit: str
    """Of the threshold, by UCUM: s, By, By/s, 1, or empty."""
    window_s: float
    severity: str
    methods: str
    by: str
    where: tuple[tuple[str, str], ...]
    allowed: float
    """The share of operations that may be over a latency threshold."""
    min_count: int
    hold_s: float
    """How long it has to be true before it fires (``for``)."""
    short_s: float
    """The shortest stretch of time that is looked at: the second window of a ratio, the gap that counts as absence."""

    @property
    def limit(self) -> float:
        """What the measured value is compared with: for latency the share of slow operations, else the threshold."""
        if self.measure == "latency":
            return round(BURN_RATES[self.severity] * self.allowed, 9)
        return self.threshold

    @property
    def budget(self) -> str:
        """The threshold as people write it."""
        return written(self.threshold, self.unit)
