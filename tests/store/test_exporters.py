from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from groundhog_otel.store import exporters
from groundhog_otel.store.exporters import MetricFileExporter, SpanFileExporter
from groundhog_otel.store.reader import read_runs

RESOURCE = Resource({"service.name": "app"})


@pytest.fixture(autouse=True)
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDHOG_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("GROUNDHOG_RUN_ID", "r")
    exporters._warn_once.cache_clear()


def _tracing() -> TracerProvider:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(SpanFileExporter()))
    return provider


def test_spans_and_metrics_come_back(tmp_path: Path) -> None:
    tracing = _tracing()
    tracing.get_tracer("t").start_span("one").end()
    reader = PeriodicExportingMetricReader(MetricFileExporter(), export_interval_millis=1e9)
    metering = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    metering.get_meter("t").create_counter("n").add(3)
    metering.shutdown()
    tracing.shutdown()

    recording = read_runs([tmp_path / "store" / "r"])
    assert [one.name for one in recording.spans] == ["one"]
    assert [(one.name, one.points[-1].value, one.process.pid) for one in recording.series] == [("n", 3.0, os.getpid())]
    assert recording.unreadable == ()


def test_every_batch_is_on_disk_at_once(tmp_path: Path) -> None:
    tracing = _tracing()
    tracing.get_tracer("t").start_span("one").end()
    assert len(read_runs([tmp_path / "store" / "r"]).spans) == 1
    tracing.shutdown()


def test_a_process_that_records_nothing_leaves_no_file(tmp_path: Path) -> None:
    _tracing().shutdown()
    assert list((tmp_path / "store" / "r").iterdir()) == []


def test_outside_of_a_run_both_signals_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDHOG_RUN_ID")
    SpanFileExporter()
    MetricFileExporter()
    assert len([path for path in (tmp_path / "store").iterdir() if path.is_dir()]) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_writes_to_a_file_of_its_own(tmp_path: Path) -> None:
    tracing = _tracing()
    tracer = tracing.get_tracer("t")
    tracer.start_span("before").end()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads about, which is the point
        child = os.fork()
    if child == 0:
        tracer.start_span("child").end()
        tracing.shutdown()
        os._exit(0)
    os.waitpid(child, 0)
    tracer.start_span("after").end()
    tracing.shutdown()
    found = {(one.name, one.process.pid) for one in read_runs([tmp_path / "store" / "r"]).spans}
    assert found == {("before", os.getpid()), ("child", child), ("after", os.getpid())}


def test_a_folder_that_cannot_be_made_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GROUNDHOG_DIR", str(tmp_path / "file" / "store"))
    with caplog.at_level(logging.WARNING):
        tracing = _tracing()
        MetricFileExporter()
        tracing.get_tracer("t").start_span("one").end()
        tracing.get_tracer("t").start_span("two").end()
        tracing.shutdown()
    (record,) = caplog.records
    assert "Set GROUNDHOG_DIR to a folder that can be written to." in record.getMessage()


def test_a_file_that_cannot_be_opened_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracing = _tracing()
    (tmp_path / "store" / "r" / f"app-{os.getpid()}.traces.jsonl").mkdir()
    with caplog.at_level(logging.WARNING):
        tracing.get_tracer("t").start_span("one").end()
        tracing.get_tracer("t").start_span("two").end()
    tracing.shutdown()
    (record,) = caplog.records
    assert "telemetry is not recorded: cannot write" in record.getMessage()


def test_without_the_official_exporter_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.json.file", None)
    monkeypatch.delattr("opentelemetry.exporter.otlp.json.file")
    with caplog.at_level(logging.WARNING):
        tracing = _tracing()
        tracing.get_tracer("t").start_span("one").end()
        tracing.get_tracer("t").start_span("two").end()
    tracing.shutdown()
    (record,) = caplog.records
    assert "pip install 'groundhog-otel[tools]'" in record.getMessage()


def test_nothing_is_loaded_while_the_program_runs(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from groundhog_otel.store.exporters import SpanFileExporter\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(SpanFileExporter()))\n"
        "before = set(sys.modules)\n"
        "provider.get_tracer('t').start_span('one').end()\n"
        "print(sorted(set(sys.modules) - before))"
    )
    environ = {**os.environ, "GROUNDHOG_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_warnings_go_to_standard_error_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program = "from groundhog_otel.store.exporters import SpanFileExporter as S, MetricFileExporter as M; S(); M()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "GROUNDHOG_DIR": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert done.stderr.count("telemetry is not recorded") == 1
