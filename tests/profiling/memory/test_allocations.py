"""Allocations by operation, on the real SDK, with both engines; and the engines held against each other."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from opentelemetry import trace

from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.memory import MemoryProfiler, by_call, read_recording
from groundhog_otel.profiling.memory.profiler import Engine
from groundhog_otel.profiling.memory.session import MemraySession
from groundhog_otel.profiling.model import Profile, Sample
from tests.support import sdk

KIB = 1024
KEPT: list[object] = []
SPANS: dict[str, list[str]] = {}

engines = pytest.mark.parametrize("engine", ["memray", "tracemalloc"])


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    KEPT.clear()
    SPANS.clear()


def _note() -> None:
    found = trace.get_current_span().get_span_context()
    SPANS.setdefault(sys._getframe(1).f_code.co_name, []).append(trace.format_span_id(found.span_id))


async def _child(size_kib: int) -> None:
    await asyncio.sleep(0)
    KEPT.append(bytes(size_kib * KIB))


def _server() -> Any:
    server = sdk.make_server()

    @server.tool()
    async def small() -> str:
        _note()
        for _ in range(10):
            await anyio.sleep(0.001)
            KEPT.append(bytes(10 * KIB))
        return "done"

    @server.tool()
    async def large() -> str:
        _note()
        for _ in range(10):
            await anyio.sleep(0.001)
            KEPT.append(bytes(100 * KIB))
            bytes(300 * KIB)
        return "done"

    @server.tool()
    async def threads() -> str:
        _note()
        await anyio.to_thread.run_sync(lambda: KEPT.append(bytes(500 * KIB)))
        await asyncio.to_thread(lambda: KEPT.append(bytes(700 * KIB)))
        return "done"

    @server.tool()
    async def children() -> str:
        _note()
        await asyncio.gather(_child(400), _child(600))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_child, 1000)
        return "done"

    return server


def _profiler(engine: Engine, tmp_path: Path, **options: Any) -> MemoryProfiler:
    return MemoryProfiler(engine=engine, file=tmp_path / "run.bin" if engine == "memray" else None, **options)


@pytest.mark.anyio
@engines
@pytest.mark.usefixtures("instrumented")
async def test_interleaved_calls_threads_and_child_tasks_are_told_apart(engine: Engine, tmp_path: Path) -> None:
    async with sdk.in_memory(_server()) as session:
        for tool in ("small", "large", "threads", "children"):
            await session.call_tool(tool, {})
        KEPT.clear()
        SPANS.clear()
        tracked = _profiler(engine, tmp_path, service="sample").track_allocations()
        async with anyio.create_task_group() as tasks:
            for tool in ("small", "large", "small", "large", "threads", "children"):
                tasks.start_soon(session.call_tool, tool, {})
        profile = tracked.stop()
    assert not AROUND
    assert (profile.kind, profile.service, profile.complete) == ("memory", "sample", True)
    found = {one.target: one for one in tracked.tools() if one.method == "tools/call"}
    assert {name: one.calls for name, one in found.items()} == {"small": 2, "large": 2, "threads": 1, "children": 1}
    wanted = {"small": 200 * KIB, "large": 2000 * KIB, "threads": 1200 * KIB, "children": 2000 * KIB}
    for name, size in wanted.items():
        assert size <= found[name].left_bytes <= size + 60 * KIB, name  # the rest is the SDK's
        by_span = {one.link.span_id: one for one in found[name].by_call}
        assert set(by_span) == set(SPANS[name])
        for call in by_span.values():
            assert call.left_bytes == pytest.approx(size / len(by_span), abs=60 * KIB)
    large = found["large"].by_call[0]
    if engine == "memray":
        assert large.allocated_bytes is not None
        assert 4000 * KIB <= large.allocated_bytes <= 5000 * KIB  # on mcp 1.x the SDK takes 0.6 MB of it
        assert large.peak_bytes == pytest.approx(1300 * KIB, rel=0.05)
    else:
        assert large.allocated_bytes is large.peak_bytes is None
    frames = {frame.function: frame for one in profile.samples for frame in one.stack if frame.file == __file__}
    assert any(name.endswith("large") for name in frames)
    assert not any(frame.file.startswith("<groundhog") for one in profile.samples for frame in one.stack)


@pytest.mark.anyio
@engines
@pytest.mark.usefixtures("instrumented")
async def test_only_the_tool_asked_for_is_told_apart(engine: Engine, tmp_path: Path) -> None:
    async with sdk.in_memory(_server()) as session:
        with _profiler(engine, tmp_path).track_allocations(tool="large") as tracked:
            await session.call_tool("small", {})
            await session.call_tool("large", {})
    assert [one.target for one in tracked.tools()] == ["large"]


@pytest.mark.anyio
@pytest.mark.usefixtures("instrumented")
async def test_what_was_sent_to_the_sink_adds_up_to_the_profile() -> None:
    sent: list[Sample] = []
    async with sdk.in_memory(_server()) as session:
        tracked = MemoryProfiler(engine="tracemalloc", sink=sent.append).track_allocations()
        await session.call_tool("small", {})
        tracked.checkpoint()
        KEPT.clear()
        await session.call_tool("large", {})
        profile = tracked.stop()
    assert any(sample.values[1] < 0 for sample in sent)
    sums: dict[object, int] = {}
    for sample in sent:
        key = sample.stack, sample.link
        sums[key] = sums.get(key, 0) + sample.values[1]
    wanted: dict[object, int] = {}
    for sample in profile.samples:
        key = sample.stack, sample.link
        wanted[key] = wanted.get(key, 0) + sample.values[1]
    assert {key: value for key, value in sums.items() if value} == {k: v for k, v in wanted.items() if v}


def _work() -> None:
    for index in range(2000):
        KEPT.append(bytes(1000))
        KEPT.append({"number": str(index) * 20})
    KEPT.append([bytearray(500) for _ in range(2000)])
    KEPT.append("x" * 1_000_000)
    [bytes(2000) for _ in range(1000)]


def _by_line(profile: Profile) -> dict[int, int]:
    place = [one.name for one in profile.value_types].index("inuse_space")
    found: dict[int, int] = {}
    for sample in profile.samples:
        if sample.stack[-1].file == __file__:
            line = sample.stack[-1].line
            found[line] = found.get(line, 0) + sample.values[place]
    return found


def test_both_engines_agree_on_the_same_run(tmp_path: Path) -> None:
    # tracemalloc first: memray then sees what the program asks for, and not what tracemalloc asks for its tables.
    traced = MemoryProfiler(engine="tracemalloc", frames=1).track_allocations()
    recorded = MemoryProfiler(engine="memray", file=tmp_path / "run.bin").track_allocations()
    _work()
    by_memray, by_tracemalloc = _by_line(recorded.stop()), _by_line(traced.stop())
    large = {line: size for line, size in by_tracemalloc.items() if size > 10_000}
    assert len(large) == 4
    for line, size in large.items():
        assert by_memray[line] == pytest.approx(size, rel=0.02), line
    assert sum(by_memray.values()) == pytest.approx(sum(by_tracemalloc.values()), rel=0.02)


def test_what_is_in_use_is_what_memray_itself_says(tmp_path: Path) -> None:
    import memray

    with MemoryProfiler(engine="memray", file=tmp_path / "run.bin").track_allocations() as tracked:
        _work()
    profile = tracked.stop()
    with memray.FileReader(tmp_path / "run.bin") as reader:
        leaked = list(reader.get_leaked_allocation_records(merge_threads=True))
    place = [one.name for one in profile.value_types].index("inuse_space")
    ours = sum(sample.values[place] for sample in profile.samples)
    assert ours == pytest.approx(sum(one.size for one in leaked), rel=0.001)


CODE = """
import os, signal, sys
from pathlib import Path
from groundhog_otel.profiling.memory import MemoryProfiler
kept = []
def fill():
    for _ in range(20_000):
        kept.append(bytes(1000))
session = MemoryProfiler(engine="memray", file=Path(sys.argv[1])).track_allocations()
fill()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_was_killed_leaves_a_readable_recording(tmp_path: Path) -> None:
    file = tmp_path / "run.bin"
    done = subprocess.run([sys.executable, "-c", CODE, str(file)], timeout=50, check=False)
    assert done.returncode == -signal.SIGKILL
    profile = read_recording(file).profile
    assert not profile.complete
    most = max(profile.samples, key=lambda one: one.values[3])
    assert most.stack[-1].function == "fill"
    assert 15_000_000 < most.values[3] <= 21_000_000  # its last records may still have been in a buffer
    assert by_call(profile) == ()


def test_a_recording_ends_where_it_is_as_large_as_it_may_become(tmp_path: Path) -> None:
    session = MemoryProfiler(engine="memray", file=tmp_path / "run.bin").track_allocations(limit_bytes=2_000_000)
    assert isinstance(session, MemraySession)
    deadline_s = time.monotonic() + 40
    while not session.full and time.monotonic() < deadline_s:
        KEPT[:] = [bytes(1000 + number) for number in range(1000)]
    assert session.full
    session.leave()
    ended_bytes = session.size_bytes
    KEPT[:] = [bytes(1000) for _ in range(100_000)]
    assert session.size_bytes == ended_bytes
    assert not AROUND
    profile = session.stop()
    assert profile.complete
    assert str(profile.facts["ended"]).startswith("its recording had")
    with MemoryProfiler(engine="memray", file=tmp_path / "next.bin").track_allocations():
        pass


def test_memray_is_in_a_process_once(tmp_path: Path) -> None:
    with MemoryProfiler(engine="memray", file=tmp_path / "run.bin").track_allocations():
        with pytest.raises(ProfileError, match=r"memray cannot start .*stop the other"):
            MemoryProfiler(engine="memray", file=tmp_path / "other.bin").track_allocations()
        assert len(AROUND) == 1


def test_sums_need_less_of_a_file_and_know_what_is_left(tmp_path: Path) -> None:
    with MemoryProfiler(engine="memray", file=tmp_path / "run.bin").track_allocations(every=False) as tracked:
        KEPT.append(bytes(1_000_000))
    profile = tracked.stop()
    assert [one.name for one in profile.value_types] == ["inuse_objects", "inuse_space"]
    assert max(one.values[1] for one in profile.samples) == pytest.approx(1_000_000, rel=0.01)


def test_wrong_input_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frames=0 is out of bounds; write 1 to 100"):
        MemoryProfiler(frames=0)
    with pytest.raises(ValueError, match="write 'memray' or 'tracemalloc'"):
        MemoryProfiler(engine="valgrind")  # type: ignore[arg-type]
    (tmp_path / "run.bin").touch()
    with pytest.raises(ProfileError, match="is there already"):
        MemoryProfiler(engine="memray", file=tmp_path / "run.bin").track_allocations()
    assert not AROUND
