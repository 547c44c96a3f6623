"""What a load test counts while it runs: held to the catalogue, exported before it is over."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import (
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.resources import Resource

from groundhog_otel.catalogue import METRICS
from groundhog_otel.load.links.metrics import LoadMetrics
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.mcp import guard
from groundhog_otel.testing import metrics_of
from tests.support.receiver import receiving


class _Kept(MetricExporter):
    """Keeps the latest export."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: dict[str, Metric] = {}
        self.exports = 0

    def export(self, metrics_data: MetricsData, timeout_millis: float = 0, **kwargs: object) -> MetricExportResult:
        self.metrics = {metric.name: metric for metric in metrics_of(metrics_data)}
        self.exports += 1
        return MetricExportResult.SUCCESS

    def shutdown(self, timeout_millis: float = 0, **kwargs: object) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True


def test_requests_are_counted_by_operation_and_error_and_as_the_catalogue_has_it() -> None:
    guard._said.clear()
    kept = _Kept()
    metrics = LoadMetrics(kept, Resource({}), active=lambda: 7)
    metrics.record("tools/call add", response_s=0.05, delay_s=0.0)
    metrics.record("tools/call add", response_s=3.0, delay_s=1.0)
    metrics.record("tools/call add", response_s=1.0, delay_s=0.0, error="jsonrpc:-32602")
    metrics.record("tools/call add", response_s=1.0, delay_s=0.0, error="assertion")
    metrics.record("prompts/get greet", response_s=1.0, delay_s=0.0)
    metrics.record("resources/read memo://user:pw@note", response_s=1.0, delay_s=0.0)
    assert metrics.close()
    assert not guard._said

    load = {name for name in METRICS if name.startswith("groundhog.load.")}
    assert set(kept.metrics) == load
    duration = kept.metrics["groundhog.load.request.duration"].data
    assert isinstance(duration, Histogram)
    add = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "add"}
    assert sorted((dict(point.attributes or {}) for point in duration.data_points), key=str) == sorted(
        [
            add,
            {**add, "error.type": "-32602"},
            {**add, "error.type": "assertion"},
            {"mcp.method.name": "prompts/get", "gen_ai.prompt.name": "greet"},
            {"mcp.method.name": "resources/read"},
        ],
        key=str,
    )
    (point,) = (one for one in duration.data_points if one.attributes == add)
    assert (point.count, point.sum, list(point.exemplars)) == (2, 3.05, [])
    assert point.bucket_counts[point.explicit_bounds.index(0.05)] == 1, "50 ms is within the budget of 50 ms"
    delay = kept.metrics["groundhog.load.schedule.delay"].data
    assert isinstance(delay, Histogram)
    assert [(one.count, one.sum) for one in delay.data_points] == [(6, 1.0)]
    (active,) = kept.metrics["groundhog.load.requests.active"].data.data_points
    assert not isinstance(active, HistogramDataPoint)
    assert getattr(active, "value", None) == 7
    for name in load:
        known, metric = METRICS[name], kept.metrics[name]
        assert known.unit == metric.unit
        for one in metric.data.data_points:
            assert set(one.attributes or ()) <= set(known.attributes)
            if isinstance(one, HistogramDataPoint):
                assert tuple(one.explicit_bounds) == known.buckets


def test_they_arrive_while_the_test_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        metrics = Telemetry("otlp", "run-1", tmp_path).metrics(active=lambda: 1)
        assert metrics is not None
        metrics.record("ping", response_s=0.1, delay_s=0.0)
        deadline = time.monotonic() + 20
        while "groundhog.load.requests.active" not in receiver.metrics:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert metrics.close()
    assert Telemetry("none", "run-1", tmp_path).metrics() is None


def test_in_files_they_lie_beside_the_spans(tmp_path: Path) -> None:
    telemetry = Telemetry("files", "run-1", tmp_path)
    metrics = telemetry.metrics()
    assert metrics is not None
    metrics.record("ping", response_s=0.1, delay_s=0.0)
    assert metrics.close()
    (file,) = telemetry.folder.glob("groundhog-load-*.metrics.jsonl")
    assert "groundhog.load.request.duration" in file.read_text()
