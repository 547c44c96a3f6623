"""The budgets while a program runs: measured by hand, asked for in a test, watched in a terminal or over HTTP.

Everything is loaded when it is asked for: to import this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from groundhog_otel.monitor.collector import MetricCollector
    from groundhog_otel.monitor.health import BudgetState, Health
    from groundhog_otel.monitor.latency import Latency
    from groundhog_otel.monitor.metrics import CollectedMetrics, OperationMetrics, ResourceMetrics
    from groundhog_otel.monitor.performance import PerformanceMonitor
    from groundhog_otel.monitor.throughput import Throughput
    from groundhog_otel.monitor.usage import ResourceUsage

__all__ = (
    "BudgetState", "CollectedMetrics", "Health", "Latency", "MetricCollector", "OperationMetrics",
    "PerformanceMonitor", "ResourceMetrics", "ResourceUsage", "Throughput",
)  # fmt: skip

_HOMES: Final = {
    "BudgetState": "health",
    "Health": "health",
    "Latency": "latency",
    "MetricCollector": "collector",
    "PerformanceMonitor": "performance",
    "ResourceUsage": "usage",
    "Throughput": "throughput",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'metrics')}"), name)
