"""The catalogue, held to what the instrumentors emit and to the Collector's configuration."""

from __future__ import annotations

import asyncio
import gc
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Metric, Sum

from groundhog_otel.catalogue import METRICS, nearest
from groundhog_otel.mcp.traffic import TrafficCounter
from groundhog_otel.monitor import PerformanceMonitor
from groundhog_otel.monitor.instrumentor import MonitorInstrumentor
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.resources.metric import Kind
from groundhog_otel.resources.table import TABLE
from groundhog_otel.runtime import RuntimeInstrumentor
from groundhog_otel.runtime.table import HISTOGRAMS, OBSERVED
from groundhog_otel.settings import MonitorSettings, ResourceSettings, RuntimeSettings
from tests.dashboards.expressions import FILES, expressions, metrics_in
from tests.resources.collector import Collector, burn
from tests.support import sdk
from tests.support.telemetry import capturing

CONFIG: dict[str, Any] = yaml.safe_load((find_project() / "otel-config.yaml").read_text("utf-8"))
KINDS: dict[Kind, str] = {"counter": "counter", "up_down_counter": "updowncounter", "gauge": "gauge"}


def test_every_row_of_the_tables_is_in_the_catalogue_and_nothing_else_is() -> None:
    told = {(row.name, KINDS[row.kind], row.unit, row.attributes) for row in TABLE}
    known = {one.name: one for one in METRICS.values() if one.name.startswith(("process.", "system."))}
    assert told == {(one.name, one.kind, one.unit, one.attributes) for one in known.values()}
    for row in OBSERVED:
        assert (METRICS[row.name].kind, METRICS[row.name].unit) == (KINDS[row.kind], row.unit)
    for histogram in HISTOGRAMS:
        assert METRICS[histogram.name].buckets == tuple(histogram.buckets_s)
    runtime = {row.name for row in (*OBSERVED, *HISTOGRAMS)}
    ours = {name for name in METRICS if name.startswith(("groundhog.", "cpython."))}
    others = {name for name in ours if name.startswith(("groundhog.load.", "groundhog.block.", "groundhog.budget."))}
    assert ours - runtime - others == {"groundhog.mcp.io", "groundhog.folder.usage"}


def _kind(metric: Metric) -> str:
    if isinstance(metric.data, Histogram):
        return "histogram"
    if isinstance(metric.data, Gauge):
        return "gauge"
    assert isinstance(metric.data, Sum)
    return "counter" if metric.data.is_monotonic else "updowncounter"


def _agrees(metric: Metric) -> None:
    known = METRICS[metric.name]
    assert (known.kind, known.unit, known.source) == (_kind(metric), metric.unit, "sdk")
    for point in metric.data.data_points:
        assert set(point.attributes or ()) <= set(known.attributes), metric.name
        assert known.kind != "histogram" or tuple(getattr(point, "explicit_bounds", ())) == known.buckets


def test_what_a_watched_server_emits_is_as_the_catalogue_has_it() -> None:
    async def call() -> None:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("nap", {"seconds": 0.3})
            gc.collect()
            found.metrics  # noqa: B018 - collected while requests may be under way

    instrumentor = RuntimeInstrumentor()
    with capturing() as found:
        instrumentor.instrument(meter_provider=found.meter_provider, settings=RuntimeSettings())
        try:
            asyncio.run(call())
        finally:
            instrumentor.uninstrument()
    emitted = [
        one for group in found.metrics.resource_metrics for scope in group.scope_metrics for one in scope.metrics
    ]
    for metric in emitted:
        _agrees(metric)
    assert {
        "mcp.server.operation.duration",
        "mcp.client.operation.duration",
        "groundhog.event_loop.lag",
        "cpython.gc.collections",
    } <= {metric.name for metric in emitted}


def test_what_the_monitor_emits_is_as_the_catalogue_has_it() -> None:
    found, instrumentor = Collector(), MonitorInstrumentor()
    instrumentor.instrument(meter_provider=found.provider, settings=MonitorSettings(store_every_s=3600))
    monitor = PerformanceMonitor(meter_provider=found.provider)
    try:
        for name in ("tools/call", "prompts/get", "load index"):
            monitor.measure_latency(name, tool="search", seconds=0.01)
            with pytest.raises(LookupError), monitor.track_resource_usage(name, tool="search"):
                raise LookupError
            monitor.record_throughput(name, 3, tool="search")
        emitted = found.metrics()
    finally:
        instrumentor.uninstrument()
        found.provider.shutdown()
    for metric in emitted:
        _agrees(metric)
    told = {name for name in METRICS if name.startswith(("groundhog.block.", "groundhog.budget."))}
    assert {metric.name for metric in emitted} == told


def test_what_the_resources_emit_is_as_the_catalogue_has_it(tmp_path: Path) -> None:
    collector, instrumentor = Collector(), ResourceInstrumentor()
    settings = ResourceSettings(process=True, system=True, folders=(str(tmp_path),))
    instrumentor.instrument(meter_provider=collector.provider, settings=settings)
    traffic = TrafficCounter(collector.provider)
    try:
        burn()
        emitted = collector.metrics()
    finally:
        traffic.stop()
        instrumentor.uninstrument()
        collector.provider.shutdown()
    assert len(emitted) > 15
    for metric in emitted:
        _agrees(metric)


@pytest.mark.parametrize("stem", ["all", "kept"])
def test_the_collectors_metrics_are_as_its_configuration_has_them(stem: str) -> None:
    connector = CONFIG["connectors"][f"span_metrics/{stem}"]
    duration, calls = (METRICS[f"{connector['namespace']}.{name}"] for name in ("duration", "calls"))
    seconds = {"ms": 0.001, "s": 1.0}
    found = [re.fullmatch(r"(\d+)(ms|s)", text) for text in connector["histogram"]["explicit"]["buckets"]]
    assert duration.buckets == tuple(round(int(one[1]) * seconds[one[2]], 6) for one in found if one)
    assert duration.unit == connector["histogram"]["unit"]
    # Besides these it has span.name, span.kind and status.code of itself.
    assert {one["name"] for one in connector["dimensions"]} <= set(duration.attributes)
    assert duration.attributes == calls.attributes


@pytest.mark.parametrize(
    ("name", "prometheus"),
    [
        ("mcp.server.operation.duration", "mcp_server_operation_duration_seconds"),
        ("mcp.span.calls", "mcp_span_calls_total"),
        ("process.cpu.utilization", "process_cpu_utilization_ratio"),
        ("process.memory.usage", "process_memory_usage_bytes"),
        ("process.cpu.time", "process_cpu_time_seconds_total"),
        ("process.thread.count", "process_thread_count"),
        ("groundhog.mcp.io", "groundhog_mcp_io_bytes_total"),
        ("otelcol_exporter_queue_size", "otelcol_exporter_queue_size"),
    ],
)
def test_names_in_prometheus(name: str, prometheus: str) -> None:
    assert METRICS[name].prometheus == prometheus


def test_the_nearest_names() -> None:
    assert nearest("mcp.span.durations")[0] == "mcp.span.duration"
    assert nearest("mcp_span_duration_seconds_bucket") == ["mcp.span.duration"]
    assert nearest("process.memory.used")[0] == "process.memory.usage"
    assert nearest("qqqqqq") == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_metric_of_the_dashboards_is_in_the_catalogue(file: Path) -> None:
    known = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}  # Prometheus' own
    for metric in METRICS.values():
        suffixes = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",)
        known |= {metric.prometheus + suffix for suffix in suffixes}
    for expression in expressions(file):
        assert metrics_in(expression.promql) <= known, expression
