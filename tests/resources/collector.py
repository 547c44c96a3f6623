"""A provider with the resource metrics in it, and what it last collected."""

from __future__ import annotations

import sys
import time
from typing import Any

import psutil
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric, NumberDataPoint

from groundhog_otel.resources.table import TABLE


def measurable() -> set[str]:
    """Return the metrics that this machine can be asked for."""
    names = {metric.name for metric in TABLE}
    names -= {"process.windows.handle.count"} if sys.platform != "win32" else set()
    names -= {"system.cpu.physical.count"} if psutil.cpu_count(logical=False) is None else set()
    names -= {"system.paging.utilization"} if psutil.swap_memory().total == 0 else set()
    if sys.platform != "linux":
        names -= {"process.disk.io", "process.signals_pending", "system.disk.merged", "system.disk.io_time"}
        names -= {"system.memory.linux.available", "system.memory.linux.shared"}
    return names


Readings = dict[str, list[tuple[float, dict[str, Any]]]]


class Collector:
    """Collects when asked to."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def metrics(self) -> list[Metric]:
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [m for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics]

    def readings(self) -> Readings:
        """Collect, and return values with their attributes, by metric."""
        return {
            metric.name: [
                (point.value, dict(point.attributes or {}))
                for point in metric.data.data_points
                if isinstance(point, NumberDataPoint)
            ]
            for metric in self.metrics()
        }

    def points(self, name: str) -> list[HistogramDataPoint]:
        """Collect, and return the data points of one histogram."""
        return [
            point
            for metric in self.metrics()
            if metric.name == name
            for point in metric.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]


def burn() -> None:
    """Be busy for longer than readings count as one collection, and long enough for the CPU clock to tick."""
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        sum(range(1000))
