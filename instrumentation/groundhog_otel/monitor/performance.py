"""``PerformanceMonitor``: measures by hand what no instrumentation sees, in the terms of the budgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opentelemetry.metrics import MeterProvider

from groundhog_otel.budgets import Budget, budget_for
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.names import METHODS
from groundhog_otel.monitor.collector import MetricCollector
from groundhog_otel.monitor.healthy import WatchedHealth
from groundhog_otel.monitor.instruments import Instruments, attributes_of
from groundhog_otel.monitor.latency import Latency
from groundhog_otel.monitor.metrics import Key
from groundhog_otel.monitor.rate import Rate
from groundhog_otel.monitor.throughput import Throughput
from groundhog_otel.monitor.usage import ResourceUsage

__all__ = ("PerformanceMonitor",)

_MOST_RATES: Final = 1000
_MOST_BLOCKS: Final = 10_000


class PerformanceMonitor:
    """Latency, resources, throughput and health of blocks of code.

    Each method returns a measurement that is a context manager (``with`` and ``async with``), a decorator (``@``), and
    can be started and stopped by hand. All of them report to OpenTelemetry's metrics API, where nothing happens until
    an SDK is configured; what they return is measured all the same.
    """

    def __init__(
        self, *, meter_provider: MeterProvider | None = None, collector: MetricCollector | None = None
    ) -> None:
        """Make one.

        Args:
            meter_provider: Where to report to; by default the global one.
            collector: Which counts what is measured here among its operations, and knows the health of the process; by
                default one of its own, which begins to watch with the first call of :meth:`monitor_health`.
        """
        self.collector = collector or MetricCollector()
        self._instruments: Instruments | None = None
        try:
            self._instruments = Instruments(meter_provider)
        except Exception:
            guarded_error("monitor")

    def measure_latency(
        self,
        name: str,
        *,
        tool: str | None = None,
        budget: Budget | None = None,
        seconds: float | None = None,
    ) -> Latency:
        """Measure how long something takes.

        Args:
            name: A method of MCP, like ``tools/call``, or any name.
            tool: The tool (of ``prompts/get`` the prompt) that it is for.
            budget: What it is held against; by default that of the method.
            seconds: What was measured elsewhere: it is reported at once.
        """
        key = Key("block", name, tool)
        if budget is None and name in METHODS:
            budget = budget_for(name)

        def ended(latency: Latency, error: str | None) -> None:
            self.collector.watch.blocks.pop(id(latency), None)
            self.collector.watch.note(key, latency.seconds, error, budget)
            if self._instruments is not None:
                self._instruments.duration.record(latency.seconds, attributes_of(name, tool, error))

        latency = Latency(key.name, budget=budget, on_begin=self._begun(key), on_end=ended)
        return latency if seconds is None else latency.took(seconds)

    def _begun(self, key: Key) -> Callable[[Latency], None]:
        def begun(latency: Latency) -> None:
            blocks = self.collector.watch.blocks
            if len(blocks) < _MOST_BLOCKS:  # those that nobody ends would be more and more
                blocks[id(latency)] = key

        return begun

    def track_resource_usage(self, name: str, *, tool: str | None = None) -> ResourceUsage:
        """Measure what the process uses while something runs: CPU, memory, disk.

        Args:
            name: A method of MCP, or any name.
            tool: The tool (of ``prompts/get`` the prompt) that it is for.
        """

        def ended(usage: ResourceUsage, error: str | None) -> None:
            if self._instruments is not None:
                attributes = attributes_of(name, tool, error)
                self._instruments.cpu_time.record(usage.cpu_s, attributes)
                self._instruments.memory_growth.record(max(0, usage.memory_growth_bytes), attributes)

        return ResourceUsage(Key("block", name, tool).name, on_end=ended)

    def record_throughput(
        self, name: str, count: int | None = None, *, tool: str | None = None, unit: str = "item"
    ) -> Throughput:
        """Count what something deals with, per second.

        Args:
            name: A method of MCP, or any name: what is counted.
            count: So many, now. Without it, the measurement's ``add`` counts; a decorated function counts its calls.
            tool: The tool (of ``prompts/get`` the prompt) that it is for.
            unit: What one of them is called.
        """
        key = Key("block", name, tool)

        def counted(items: int) -> None:
            self._rate(key.name).add(items)
            if self._instruments is not None:
                self._instruments.count.add(items, attributes_of(name, tool))

        throughput = Throughput(key.name, unit=unit, on_count=counted)
        return throughput if count is None else throughput.add(count)

    def _rate(self, name: str) -> Rate:
        rates = self.collector.rates
        if name not in rates and len(rates) >= _MOST_RATES:
            name = "_OTHER"
        return rates.setdefault(name, Rate(self.collector.window_s))

    def throughput(self, name: str, *, tool: str | None = None) -> float:
        """Return how many were counted per second, over the collector's window; 0 where none was."""
        rate = self.collector.rates.get(Key("block", name, tool).name)
        return 0.0 if rate is None else rate.per_s

    def monitor_health(self) -> WatchedHealth:
        """Return the state of every budget: now, by the window; as context manager or decorator, of the block alone."""
        return WatchedHealth(self.collector)
