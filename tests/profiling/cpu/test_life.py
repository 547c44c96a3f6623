"""Start and stop, forks, sinks and faults: whatever happens to the profiler, the program goes on as it would have."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeter

from groundhog_otel.mcp.guard import _said
from groundhog_otel.mcp.inflight import ON_BEGIN, ON_END
from groundhog_otel.profiling.cpu import CpuProfiler, ProfileSession
from groundhog_otel.profiling.cpu import looks as looks_module
from groundhog_otel.profiling.model import Sample
from groundhog_otel.runtime.garbage import Pauses
from tests.profiling.cpu.conftest import most
from tests.support import sdk
from tests.support.processes import environment
from tests.support.telemetry import Capture


@pytest.fixture(autouse=True)
def _left_as_it_was() -> Iterator[None]:
    before = sys.getswitchinterval(), list(ON_BEGIN), list(ON_END)
    yield
    assert (sys.getswitchinterval(), list(ON_BEGIN), list(ON_END)) == before
    assert not [one for one in threading.enumerate() if one.name == "groundhog-cpu-profiler"]


def test_it_stops_at_once_and_for_good() -> None:
    session = CpuProfiler(interval_s=10).start_profiling()
    began = time.monotonic()
    profile = session.stop()
    assert time.monotonic() - began < 5, "it waited for its next look"
    assert session.stop() is profile
    assert session.over.is_set()
    assert profile.complete
    assert profile.end_ns >= profile.start_ns
    assert (profile.kind, [one.name for one in profile.value_types]) == ("cpu", ["wall", "cpu"])


def test_it_ends_by_itself() -> None:
    session = CpuProfiler(interval_s=0.005, duration_s=0.2).start_profiling()
    assert session.over.wait(20)
    most(0.05)
    profile = session.stop()
    assert "most" not in {frame.function for one in profile.samples for frame in one.stack}


def test_samples_can_be_had_while_it_runs() -> None:
    profiler = CpuProfiler(interval_s=0.002)
    with profiler.start_profiling() as session:
        most(0.2)
        early = profiler.analyze_hotspots(profiler.collect_samples(session)).everything.function("most")
        most(0.2)
    late = profiler.analyze_hotspots(session.stop().samples).everything.function("most")
    assert 0 < early.total.cpu_ns < late.total.cpu_ns


def test_a_sink_gets_all_of_it() -> None:
    got: list[Sample] = []
    with CpuProfiler(interval_s=0.005, sink=got.append).start_profiling() as session:
        most(2.2)
        assert got, "it comes as it is taken, not at the end"
    profile = session.stop()
    for value in (0, 1):
        assert sum(one.values[value] for one in got) == sum(one.values[value] for one in profile.samples)


def test_a_sink_that_fails_costs_the_sink_only(caplog: pytest.LogCaptureFixture) -> None:
    def full(sample: Sample) -> None:
        raise OSError("disk full")

    _said.discard("sink of the cpu profiler")
    with CpuProfiler(interval_s=0.005, sink=full).start_profiling() as session:
        most(0.1)
    assert session.stop().samples
    assert "sink of the cpu profiler" in caplog.text
    _said.discard("sink of the cpu profiler")


def test_what_is_kept_is_bounded() -> None:
    with CpuProfiler(interval_s=0.002, most_samples=1).start_profiling() as session:
        most(0.2)
    profile = session.stop()
    assert len(profile.samples) == 1
    assert "left out because the profile was full, seconds" in profile.facts


def test_looks_that_fail_are_told_once_and_end_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(looks_module, "owner", broken)
    _said.discard("cpu profiler")
    with CpuProfiler(interval_s=0.001).start_profiling() as session:
        most(0.2)
    assert session.stop().facts["looks that failed"] == 10
    assert caplog.text.count("telemetry failed in cpu profiler") == 1
    _said.discard("cpu profiler")


class _Held:
    pass


def test_what_a_function_holds_goes_when_it_ends() -> None:
    """A frame that somebody has looked at must not keep what was in the function's hands."""

    def hold() -> weakref.ref[_Held]:
        held = _Held()
        most(0.02)
        return weakref.ref(held)

    gc.disable()
    try:
        with CpuProfiler(interval_s=0.001).start_profiling():
            kept = [ref for _ in range(20) if (ref := hold())() is not None]
    finally:
        gc.enable()
    assert len(kept) <= 1, "at most one that was being looked at this very moment"


@pytest.mark.anyio
async def test_a_worker_thread_lets_go_of_its_last_call(capture: Capture) -> None:
    import anyio.to_thread

    server = sdk.make_server()
    refs: list[weakref.ref[_Held]] = []

    @server.tool()
    async def hands_over() -> str:
        held = _Held()
        refs.append(weakref.ref(held))
        await anyio.to_thread.run_sync(lambda _held: most(0.1), held)
        return "done"

    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.001).start_profiling() as profiling:
            await session.call_tool("hands_over", {})
        assert any(one.link and one.thread.startswith("AnyIO") for one in profiling.stop().samples)
        gc.collect()
        assert [one() for one in refs] == [None]


def test_results_and_errors_are_what_they_were(capture: Capture) -> None:
    import anyio

    async def ask() -> list[Any]:
        async with sdk.in_memory(sdk.make_server()) as session:
            answers = [await session.call_tool("add", {"a": 1, "b": 2}), await session.call_tool("boom", {})]
            return [one.model_dump() for one in answers]

    bare = anyio.run(ask)
    with CpuProfiler(interval_s=0.0005).start_profiling():
        assert anyio.run(ask) == bare


def test_two_at_once_do_not_disturb_each_other(capture: Capture) -> None:
    import anyio

    async def ask() -> None:
        from tests.profiling.cpu.conftest import Work, make_server

        async with sdk.in_memory(make_server(Work())) as session:
            await session.call_tool("lefty", {"rounds": 40})

    first = CpuProfiler(interval_s=0.002, tools=["lefty"]).start_profiling()
    second = CpuProfiler(interval_s=0.002).start_profiling()
    anyio.run(ask)
    for one in (first.stop(), second.stop()):
        assert CpuProfiler.analyze_hotspots(one.samples).tool("lefty").function("lefty").total.cpu_ns > 0.05e9


@pytest.mark.alone
def test_the_time_of_the_garbage_collector_has_its_name() -> None:
    pauses = Pauses(NoOpMeter("test").create_histogram("pauses"))
    cycles: list[Any] = []
    for _ in range(100_000):
        cycle: list[Any] = []
        cycle.append(cycle)
        cycles.append(cycle)
    pauses.install()
    try:
        with CpuProfiler(interval_s=0.001).start_profiling() as session:
            for _ in range(100):  # a look that is due comes when the collector lets go of the interpreter, or later
                gc.collect()
    finally:
        pauses.remove()
    part = CpuProfiler.analyze_hotspots(session.stop().samples).everything
    assert part.function("(garbage collection)").total.cpu_ns > 0
    assert not [one for one in part.functions if one.function == "Pauses._called"]


PROGRAM = """
import json, os, sys, threading, time
from groundhog_otel.mcp.inflight import ON_BEGIN, ON_END
from groundhog_otel.profiling.cpu import CpuProfiler
from tests.profiling.cpu.conftest import most

got = []
before = sys.getswitchinterval()
session = CpuProfiler(interval_s=0.002, sink=got.append).start_profiling()
most(0.1)
read, write = os.pipe()
with session._lock:  # which a look may hold while the fork happens
    child = os.fork()
if child == 0:
    had = len(got)
    names = [one.name for one in threading.enumerate()]
    most(0.1)
    old = session.stop()
    with CpuProfiler(interval_s=0.002).start_profiling() as own:
        most(0.1)
    found = {
        "threads": names, "listeners": len(ON_BEGIN) + len(ON_END), "switch": sys.getswitchinterval() == before,
        "old": [len(old.samples), old.complete, len(got) == had], "own": len(own.stop().samples), "pid": own.stop().pid,
    }
    os.write(write, json.dumps(found).encode())
    os._exit(0)
os.waitpid(child, 0)
found = json.loads(os.read(read, 10000))
most(0.1)
profile = session.stop()
print(json.dumps([found, child, len(profile.samples) > 0, profile.complete]))
"""


def _run(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=Path(__file__).parents[3],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_forked_child_has_no_profiler_unless_it_starts_one() -> None:
    child, pid, has_samples, complete = json.loads(_run(PROGRAM))
    assert child["threads"] == ["MainThread"]
    assert child["listeners"] == 0
    assert child["switch"]
    assert child["old"] == [0, False, True]
    assert child["own"] > 0
    assert child["pid"] == pid
    assert has_samples
    assert complete


def test_a_process_that_ends_hands_over_what_it_has() -> None:
    program = """
import sys
from groundhog_otel.profiling.cpu import CpuProfiler
from tests.profiling.cpu.conftest import most
session = CpuProfiler(interval_s=0.005, sink=lambda one: print(one.stack[-1].function)).start_profiling()
most(0.2)
"""
    assert "most" in _run(program)


def test_to_import_the_package_loads_no_engine() -> None:
    program = """
import sys
import groundhog_otel.profiling, groundhog_otel.profiling.cpu
print([name for name in sys.modules if "profiling.cpu." in name or name.startswith(("opentelemetry.sdk", "scipy"))])
"""
    assert _run(program).strip() == "[]"


def test_without_the_global_lock_it_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    with pytest.raises(RuntimeError, match="use py-spy"):
        CpuProfiler().start_profiling()
    assert isinstance(ProfileSession, type)
