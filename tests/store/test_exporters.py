from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from groundhog_otel.store import exporters
from groundhog_otel.store.exporters import MetricFileExporter, SpanFileExporter
from groundhog_otel.store.layout import prepare, run_directories
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
    importlib.import_module("opentelemetry.exporter.otlp.json.file")  # so that there is something to take away
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


def _bounded(monkeypatch: pytest.MonkeyPatch, max_bytes: int) -> None:
    monkeypatch.setenv("GROUNDHOG_FILE_MAX_BYTES", str(max_bytes))
    exporters._retention.cache_clear()
    exporters._tidy_once.cache_clear()


@pytest.fixture
def _unbounded_again() -> Iterator[None]:
    yield
    exporters._retention.cache_clear()
    exporters._tidy_once.cache_clear()


@pytest.mark.usefixtures("_unbounded_again")
def test_a_file_that_becomes_too_large_loses_what_is_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    max_bytes = 20_000
    _bounded(monkeypatch, max_bytes)
    run = tmp_path / "store" / "r"
    tracing = _tracing()
    sizes = []
    for number in range(100):
        tracing.get_tracer("t").start_span(str(number)).end()
        sizes.append(sum(file.stat().st_size for file in run.iterdir()))
    tracing.shutdown()
    longest = max(len(line) for file in run.iterdir() for line in file.read_bytes().splitlines())
    assert max(sizes) <= max_bytes + 2 * longest
    assert sizes[-1] >= max_bytes / 2
    recording = read_runs([run])
    assert [int(one.name) for one in recording.spans] == list(range(100 - len(recording.spans), 100))
    assert {one.process.pid for one in recording.spans} == {os.getpid()}
    assert recording.unreadable == ()
    (record,) = caplog.records
    assert "has become too large: what is oldest in it is let go" in record.getMessage()
    assert f"set GROUNDHOG_FILE_MAX_BYTES above {max_bytes}" in record.getMessage()


@pytest.mark.usefixtures("_unbounded_again")
def test_totals_outlive_the_points_that_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _bounded(monkeypatch, 10_000)
    reader = PeriodicExportingMetricReader(MetricFileExporter(), export_interval_millis=1e9)
    metering = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    counter = metering.get_meter("t").create_counter("n")
    for _ in range(60):
        counter.add(1)
        metering.force_flush()
    metering.shutdown()
    (series,) = read_runs([tmp_path / "store" / "r"]).series
    assert len(series.points) < 50
    assert series.points[-1].value == 60


@pytest.mark.usefixtures("_unbounded_again")
def test_a_process_that_begins_a_run_removes_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    for name in ("2025-a", "2025-b", "2025-c"):
        old = prepare(store, name) / "app-4194305.traces.jsonl"
        old.write_text("{}\n")
        for path in (old, old.parent):
            os.utime(path, (1e9, 1e9))
    monkeypatch.setenv("GROUNDHOG_DIR_MAX_RUNS", "2")
    exporters._retention.cache_clear()
    _tracing().shutdown()  # within the run "r": that is of somebody who has begun it
    assert len(run_directories(store)) == 3
    monkeypatch.delenv("GROUNDHOG_RUN_ID")
    tracing = _tracing()
    tracing.get_tracer("t").start_span("one").end()
    tracing.shutdown()
    left = [run.name for run in run_directories(store)]
    assert left[0] == "2025-c"
    assert len(left) == 2
