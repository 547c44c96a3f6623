"""The metrics of a load test while it runs, by OTLP or into the run's files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from opentelemetry.metrics import Histogram, Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from groundhog_otel import __version__, semconv
from groundhog_otel.load.links.spans import SCOPE, names_of, outcome_of
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.helper import Helper
from groundhog_otel.mcp.shape import TARGETS
from groundhog_otel.settings import metric_interval_ms

__all__ = ("ACTIVE", "DELAY", "DURATION", "LoadMetrics")

DURATION: Final = "groundhog.load.request.duration"
DELAY: Final = "groundhog.load.schedule.delay"
ACTIVE: Final = "groundhog.load.requests.active"
_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
"""The conventions' for operations, and below them: 0.05, 0.1 and 0.5 are the budgets."""
_INTERVAL_MS: Final = 2000.0
"""A load test may be over before the SDK's minute is."""


class LoadMetrics:
    """What a process of a load test counts. A forked child makes its own."""

    def __init__(self, exporter: MetricExporter, resource: Resource, *, active: Callable[[], int] = lambda: 0) -> None:
        """``active`` returns how many requests are under way; it is called from another thread."""
        self._exporter = exporter
        reader = PeriodicExportingMetricReader(exporter, metric_interval_ms() or _INTERVAL_MS)
        # Most requests have no stored trace, so no exemplar is to name one.
        no_exemplars = AlwaysOffExemplarFilter()
        self._provider = MeterProvider([reader], resource, no_exemplars, shutdown_on_exit=False)
        meter = self._provider.get_meter(SCOPE, __version__, semconv.GENAI_SCHEMA_URL)
        self._duration = _seconds(meter, DURATION, "From the moment a request was due until it was over")
        self._delay = _seconds(meter, DELAY, "From the moment a request was due until it was sent")
        meter.create_observable_up_down_counter(
            ACTIVE, [lambda _options: [Observation(active())]], "{request}", "Requests under way"
        )
        self._known: dict[tuple[str, str | None], dict[str, Any]] = {}

    def record(self, operation: str, *, response_s: float, delay_s: float, error: str | None = None) -> None:
        """Count a request that is over: its name, its response latency, how late it was sent. Never raises."""
        try:
            attributes = self._known.get((operation, error))
            if attributes is None:
                attributes = self._known[operation, error] = _attributes(operation, error)
            self._duration.record(response_s, attributes)
            self._delay.record(delay_s)
        except Exception:
            guarded_error("load.metrics")

    def close(self, timeout_s: float = 5.0) -> bool:
        """Export for the last time; tell whether that was done in time. When it was not, it is given up."""
        ending = Helper(self._provider.shutdown)
        if ending.wait(timeout_s):
            return True
        Helper(self._exporter.shutdown)
        ending.wait(0.5)
        return False


def _seconds(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=_BUCKETS_S)


def _attributes(operation: str, error: str | None) -> dict[str, Any]:
    method, target, _ = names_of(operation)
    found = {semconv.MCP_METHOD_NAME: method}
    if target is not None:
        found[TARGETS[method]] = target
    # What a scenario expects is no matter of the protocol, and still an error of the test.
    error_type = outcome_of(error).error_type or error
    if error_type is not None:
        found[semconv.ERROR_TYPE] = error_type
    return found
