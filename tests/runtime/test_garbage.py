"""The garbage collector's pauses and counters."""

from __future__ import annotations

import gc
import subprocess
import sys

from tests.resources.collector import Collector


def test_pauses_and_counters_by_generation(collector: Collector) -> None:
    collector.readings()
    before = gc.get_stats()[2]["collections"]
    keep = [[index] for index in range(300_000)]
    loop: list[object] = []
    loop.append(loop)
    del loop
    for _ in range(3):
        gc.collect()
    points = {
        (point.attributes or {})["cpython.gc.generation"]: point for point in collector.points("groundhog.gc.pause")
    }
    assert points[2].count >= 3
    assert 0 < points[2].min <= points[2].max < 30
    assert len(keep) == 300_000
    values = {
        (name, attributes["cpython.gc.generation"]): value
        for name, observed in collector.readings().items()
        if name.startswith("cpython.gc.")
        for value, attributes in observed
    }
    assert set(values) == {
        (f"cpython.gc.{name}", generation)
        for name in ("collections", "collected_objects", "uncollectable_objects")
        for generation in range(3)
    }
    assert values["cpython.gc.collections", 2] >= before + 3
    assert values["cpython.gc.collected_objects", 2] > 0


CODE = """
import faulthandler, gc, sys
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from groundhog_otel.runtime import RuntimeInstrumentor
from groundhog_otel.settings import RuntimeSettings

faulthandler.dump_traceback_later(10 if sys.argv[1] == "at once" else 50, exit=True)
reader = InMemoryMetricReader()
provider = MeterProvider([reader], shutdown_on_exit=False)
RuntimeInstrumentor().instrument(meter_provider=provider, settings=RuntimeSettings(parts=frozenset({"gc"})))
pauses = RuntimeInstrumentor()._parts.pauses
if sys.argv[1] == "at once":
    gc.callbacks.append(lambda phase, info: pauses.drain())
for _ in range(30):
    pauses.clear()
    gc.collect()
    gc.set_threshold(1)  # at nearly every allocation, also of those that the SDK makes while it holds its locks
    found = reader.get_metrics_data()
    gc.set_threshold(700)
(metric,) = (m for r in found.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name.endswith("pause"))
print(sum(point.count for point in metric.data.data_points) >= 30)
"""


def _run(when: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, when]
    return subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)


def test_a_collection_inside_the_sdks_locks_stops_nothing() -> None:
    done = _run("later")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_measuring_at_once_would() -> None:
    """The proof that the test before can fail: what we avoid does hang."""
    done = _run("at once")
    assert done.returncode != 0
    assert "Timeout" in done.stderr
    assert "in aggregate" in done.stderr.splitlines()[2], "it waits for the lock that it holds"
