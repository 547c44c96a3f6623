"""After a fork the child reports itself, and nothing its parent's threads held can stop it.

Each in a process of its own: forking a test runner with its threads would be asking for trouble.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")

_PRELUDE = """
import json, os, sys, threading, time
import psutil
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.settings import ResourceSettings

def look():
    data = reader.get_metrics_data()
    metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
    return {m.name: sum(point.value for point in m.data.data_points) for m in metrics}

def burn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass

reader = InMemoryMetricReader()
provider = MeterProvider([reader], shutdown_on_exit=False)
ResourceInstrumentor().instrument(meter_provider=provider, settings=ResourceSettings(system=True))
"""


def _run(code: str) -> Any:
    command = [sys.executable, "-c", _PRELUDE + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_child_reports_its_own_memory_cpu_and_age() -> None:
    found = _run("""
burn(1)
parent = look()
read, write = os.pipe()
if os.fork() == 0:
    ballast = bytearray(b"x") * 120_000_000
    first = look()
    burn(0.4)
    later = look()
    own = psutil.Process(os.getpid())
    truth = {"rss": own.memory_info().rss, "cpu": sum(own.cpu_times()[:2])}
    os.write(write, json.dumps([first, later, truth]).encode())
    os._exit(0)
os.wait()
print(json.dumps([parent, *json.loads(os.read(read, 65536))]))
""")
    parent, first, later, truth = found
    assert later["process.memory.usage"] == pytest.approx(truth["rss"], rel=0.05)
    assert later["process.memory.usage"] > parent["process.memory.usage"] + 100_000_000
    assert later["process.cpu.time"] == pytest.approx(truth["cpu"], abs=0.1)
    assert later["process.cpu.time"] < parent["process.cpu.time"]
    assert "process.cpu.utilization" not in first, "a difference was taken from the parent's reading"
    assert later["process.cpu.utilization"] > 0
    assert later["process.uptime"] < parent["process.uptime"]


def test_a_lock_held_in_another_thread_does_not_stop_the_child() -> None:
    """psutil has one for wrapped counters, and one per process; both are held for ever here when the fork happens."""
    (child,) = _run("""
from psutil import _common
held = threading.Event()
def hold():
    with _common._wn.lock, ResourceInstrumentor()._observer._process._lock:
        held.set()
        time.sleep(3600)
threading.Thread(target=hold, daemon=True).start()
held.wait()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, json.dumps(look()).encode())
    os._exit(0)
os.wait()
print(json.dumps([json.loads(os.read(read, 65536))]))
""")
    assert child["system.network.io"] > 0
    assert child["process.memory.usage"] > 0
