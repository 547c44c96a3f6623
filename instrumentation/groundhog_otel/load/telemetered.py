"""The metrics of a load test, made in each process that sends requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from groundhog_otel.load.links.metrics import LoadMetrics
from groundhog_otel.load.links.telemetry import Telemetry

__all__ = ("Metering",)


@dataclass(frozen=True, slots=True)
class Metering:
    """Makes the metrics of a process, once it is in that process: ``Hooks.observe``."""

    telemetry: Telemetry

    def __call__(self, active: Callable[[], int]) -> LoadMetrics | None:
        """Return them; None without telemetry. ``active`` returns how many requests are under way."""
        return self.telemetry.metrics(active=active)
