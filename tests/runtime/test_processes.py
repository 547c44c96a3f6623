"""Real processes: an unmodified server under ``opentelemetry-instrument``, and a worker that was forked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
INSTRUMENT = str(Path(sys.executable).parent / "opentelemetry-instrument")

PROGRAM = """
import asyncio, os, sys, time
from tests.support import sdk

server = sdk.make_server()

@server.tool()
async def sleeper() -> str:
    time.sleep(0.5)
    return "done"

async def main():
    async with sdk.in_memory(server) as session:
        await session.call_tool("sleeper", {})

def run():
    asyncio.run(main())
"""


def _run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [INSTRUMENT, sys.executable, "-c", PROGRAM + program, *arguments],
        cwd=ROOT,
        env={
            **inherited,
            "PYTHONPATH": str(ROOT),
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_METRICS_EXPORTER": "console",
            "OTEL_LOGS_EXPORTER": "none",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def test_an_unmodified_program_says_what_blocked_its_loop() -> None:
    done = _run("run()", OTEL_METRIC_EXPORT_INTERVAL="100")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    for name in (
        '"groundhog.event_loop.blocked"',
        '"groundhog.event_loop.lag"',
        '"groundhog.worker_threads.limit"',
        '"groundhog.gc.pause"',
        '"cpython.gc.collections"',
        '"groundhog.mcp.requests.active"',
        '"code.function.name": "__main__.sleeper"',
    ):
        assert name in done.stdout, name


@pytest.mark.parametrize(
    "setting",
    [{"OTEL_PYTHON_GROUNDHOG_RUNTIME": "none"}, {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "groundhog_runtime"}],
)
def test_it_can_be_turned_off(setting: dict[str, str]) -> None:
    done = _run("run()", **setting)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tools/call sleeper" in done.stdout
    assert "groundhog.event_loop" not in done.stdout
    assert "cpython.gc" not in done.stdout


def test_the_threshold_can_be_set_and_a_wrong_value_is_one_warning() -> None:
    done = _run("run()", OTEL_PYTHON_GROUNDHOG_BLOCKING_THRESHOLD_MS="20000")
    assert "groundhog.event_loop.lag" in done.stdout
    assert "groundhog.event_loop.blocked" not in done.stdout
    for variable, value, advice in (
        ("OTEL_PYTHON_GROUNDHOG_BLOCKING_THRESHOLD_MS", "0.1", "Write whole milliseconds, 10 or more."),
        ("OTEL_PYTHON_GROUNDHOG_RUNTIME", "lag", "Write any of event_loop, worker_threads, gc and requests"),
    ):
        done = _run("", **{variable: value})
        assert done.returncode == 0
        (line,) = done.stderr.strip().splitlines()
        assert f"{variable}={value!r} is not understood; using " in line
        assert advice in line


FORK = """
import json
from groundhog_otel.runtime import RuntimeInstrumentor

run()  # the parent has its watchdog, and a heart that may still beat
parts = RuntimeInstrumentor()._parts
with parts.watchdog._starting:  # a lock that somebody holds while the fork happens
    parent = parts.watchdog._thread
    read, write = os.pipe()
    child = os.fork()
if child == 0:
    seen = []
    report = parts.hearts.blocked.record
    parts.hearts.blocked.record = lambda value, *args, **kwargs: seen.append(value)
    run()
    os.write(write, json.dumps([seen, parent is parts.watchdog._thread, parent.is_alive()]).encode())
    os._exit(0)
os.wait()
print(json.dumps([json.loads(os.read(read, 1000)), parent.is_alive()]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_gets_a_watchdog_of_its_own() -> None:
    done = _run(FORK, OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none")
    assert done.returncode == 0, done.stderr
    (seen, same, old), parent = json.loads(done.stdout)
    assert max(seen) > 0.3
    assert not same
    assert not old
    assert parent


STOPPED = """
import json, signal, subprocess
import anyio
from groundhog_otel.runtime import RuntimeInstrumentor

parts = RuntimeInstrumentor()._parts
seen = {"lag": [], "blocked": []}
parts.hearts.lag.record = lambda value, *args, **kwargs: seen["lag"].append(value)
parts.hearts.blocked.record = lambda value, *args, **kwargs: seen["blocked"].append(value)

async def main():
    async with sdk.in_memory(server) as session:
        await session.call_tool("nap", {"seconds": 0.1})
        again = f"sleep 1; kill -STOP {os.getpid()}; sleep 2; kill -CONT {os.getpid()}"
        waker = subprocess.Popen(["sh", "-c", again])
        await session.call_tool("nap", {"seconds": 4})
        waker.wait()

anyio.run(main, backend_options={"use_uvloop": sys.argv[1] == "uvloop"})
print(json.dumps(seen))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no signals to stop a process on this platform")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_process_that_was_stopped_blocks_nobody(loop: str) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    done = _run(STOPPED, loop, OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert max(seen["lag"]) > 1
    assert max(seen["blocked"], default=0) < 1
