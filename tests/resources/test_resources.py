"""The resource producer against the machine itself: real psutil, real SDK, real forks."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, NumberDataPoint, Sum
from opentelemetry.semconv._incubating.metrics import process_metrics, system_metrics

from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.resources.snapshot import Observer
from groundhog_otel.resources.table import TABLE
from groundhog_otel.settings import ResourceSettings

_PLATFORM: Any = vars(psutil)["_psplatform"]
Readings = dict[str, list[tuple[float, dict[str, Any]]]]


class Collector:
    """A provider with our metrics in it, and its latest readings."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def metrics(self) -> list[Metric]:
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [m for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics]

    def readings(self) -> Readings:
        return {
            metric.name: [
                (point.value, dict(point.attributes or {}))
                for point in metric.data.data_points
                if isinstance(point, NumberDataPoint)
            ]
            for metric in self.metrics()
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    instrumentor = ResourceInstrumentor()
    instrumentor.instrument(meter_provider=found.provider, settings=ResourceSettings())
    yield found
    instrumentor.uninstrument()
    found.provider.shutdown()
    gc.collect()


def _let_time_pass() -> None:
    """Longer than readings count as one collection, and long enough for the CPU clock to tick."""
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        sum(range(1000))


def test_names_kinds_and_units_are_the_conventions() -> None:
    """The constants and helpers of the semantic-conventions package say what each metric has to be."""
    for metric in TABLE:
        module: Any = process_metrics if metric.name.startswith("process.") else system_metrics
        constant = metric.name.upper().replace(".", "_")
        assert getattr(module, constant) == metric.name
        source = Path(module.__file__).read_text("utf-8")
        helper = source.split(f"def create_{constant.lower()}(", 1)[1].split("\ndef ", 1)[0]
        created = re.search(r"meter\.create_(?:observable_)?(\w+)\(", helper)
        unit = re.search(r'unit="([^"]*)"', helper)
        assert created is not None
        assert unit is not None
        assert (created[1], unit[1]) == (metric.kind, metric.unit), metric.name


def test_every_metric_is_measured_here(collector: Collector) -> None:
    _let_time_pass()
    readings = collector.readings()
    expected = {metric.name for metric in TABLE}
    if sys.platform != "linux":
        expected -= {"process.disk.io"}
    assert expected <= set(readings)
    for metric in collector.metrics():
        if isinstance(metric.data, Sum):
            assert metric.data.is_monotonic is (metric.name not in _UP_DOWN), metric.name


_UP_DOWN = {m.name for m in TABLE if m.kind == "up_down_counter"}


def test_values_agree_with_an_independent_look(collector: Collector) -> None:
    _let_time_pass()
    readings, process = collector.readings(), psutil.Process()
    assert readings["process.memory.usage"][0][0] == pytest.approx(process.memory_info().rss, rel=0.2)
    assert readings["process.thread.count"][0][0] == process.num_threads()
    cpu = {attributes["cpu.mode"]: value for value, attributes in readings["process.cpu.time"]}
    assert cpu["user"] == pytest.approx(process.cpu_times().user, rel=0.2, abs=0.2)
    assert sum(share for share, _ in readings["system.cpu.utilization"]) == pytest.approx(1)
    assert 0 < sum(share for share, _ in readings["system.memory.utilization"]) < 1.2
    assert readings["process.uptime"][0][0] > 0


def test_a_busy_process_says_so_and_never_reports_a_false_zero(collector: Collector) -> None:
    _let_time_pass()
    share = sum(value for value, _ in collector.readings()["process.cpu.utilization"])
    assert 0 < share <= 1.1
    observer = Observer(host=False)
    assert "cpu.before" not in observer.snapshot()


def test_one_snapshot_serves_a_collection(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"cpu_times": 0, "net_io_counters": 0}
    for owner, name in ((_PLATFORM.Process, "cpu_times"), (psutil, "net_io_counters")):
        real = getattr(owner, name)

        def counting(*args: Any, _real: Any = real, _name: str = name, **kwargs: Any) -> Any:
            calls[_name] += 1
            return _real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)
    _let_time_pass()
    collector.readings()
    assert calls == {"cpu_times": 1, "net_io_counters": 1}


@pytest.mark.parametrize(
    "broken", ["cpu_times", "memory_info", "io_counters", "num_fds", "num_ctx_switches", "oneshot"]
)
def test_what_cannot_be_read_is_left_out_and_costs_nothing_else(
    broken: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_args: Any, **_kwargs: Any) -> Any:
        raise psutil.AccessDenied

    # Below psutil's own cache, where a real refusal would come from.
    monkeypatch.setattr(psutil.Process if broken == "oneshot" else _PLATFORM.Process, broken, denied)
    _let_time_pass()
    readings = collector.readings()
    assert "system.memory.usage" in readings
    assert len(readings) >= len(TABLE) - (9 if broken == "oneshot" else 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_reports_itself() -> None:
    """In a process of its own: forking a test runner with its threads would be asking for trouble."""
    code = """
import json, os, sys, time
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from groundhog_otel.resources import ResourceInstrumentor
import psutil
def rss(reader):
    data = reader.get_metrics_data()
    found = {m.name: m.data.data_points for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    return found["process.memory.usage"][0].value, "process.cpu.utilization" in found
reader = InMemoryMetricReader()
ResourceInstrumentor().instrument(meter_provider=MeterProvider([reader]))
ballast = bytearray(80_000_000)
parent, _ = rss(reader)
read, write = os.pipe()
if os.fork() == 0:
    child_ballast = bytearray(b"x") * 120_000_000
    value, share = rss(reader)
    os.write(write, json.dumps([value, psutil.Process(os.getpid()).memory_info().rss, share]).encode())
    os._exit(0)
os.wait()
print(json.dumps([parent, *json.loads(os.read(read, 1000))]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    parent, reported, actual, has_share = json.loads(done.stdout)
    assert reported == pytest.approx(actual, rel=0.05)
    assert reported > parent * 1.2, "the child reported its parent"
    assert not has_share, "a difference was taken from the parent's reading"


def test_uninstrument_ends_it_and_instrumenting_again_doubles_nothing(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    instrumentor = ResourceInstrumentor()
    _let_time_pass()
    first = collector.readings()
    instrumentor.uninstrument()
    assert not collector.metrics()
    instrumentor.instrument(meter_provider=collector.provider, settings=ResourceSettings())
    _let_time_pass()
    again = collector.readings()
    assert {name: len(points) for name, points in again.items()} == {
        name: len(points) for name, points in first.items()
    }
    assert not caplog.records


@pytest.mark.parametrize(
    ("value", "prefixes"),
    [("process", {"process"}), ("system", {"system"}), ("none", set()), ("", {"process", "system"})],
)
def test_what_is_measured_can_be_chosen(value: str, prefixes: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_GROUNDHOG_RESOURCES", value)
    found = Collector()
    instrumentor = ResourceInstrumentor()
    instrumentor.instrument(meter_provider=found.provider)
    _let_time_pass()
    assert {metric.name.split(".")[0] for metric in found.metrics()} == prefixes
    instrumentor.uninstrument()


def test_a_wrong_choice_is_one_message_and_the_default() -> None:
    settings, problems = ResourceSettings.from_environ({"OTEL_PYTHON_GROUNDHOG_RESOURCES": "cpu"})
    assert settings == ResourceSettings()
    (problem,) = problems
    assert problem.startswith("OTEL_PYTHON_GROUNDHOG_RESOURCES='cpu' is not understood")
    assert problem.endswith("Write process, system, both or none.")


def test_stands_back_for_system_metrics(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        class SystemMetricsInstrumentor:
            class _instance:  # noqa: N801
                _is_instrumented_by_opentelemetry = True

    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.system_metrics", Other)
    _let_time_pass()
    assert set(collector.readings()) == {"process.unix.file_descriptor.count", "process.uptime"}
