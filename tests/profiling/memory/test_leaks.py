"""What leaks is found, with who holds it; what does not is not: on the real SDK."""

from __future__ import annotations

import functools
import json
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.mcp.inflight import AROUND, ON_BEGIN
from groundhog_otel.profiling.memory import MemoryProfiler
from groundhog_otel.profiling.memory.leaks.report import LeakReport
from tests.profiling.memory import program
from tests.support import processes, sdk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("instrumented"), pytest.mark.timeout(300)]

SEEN: dict[str, bool] = {}


class Visitor:
    """What an application remembers of a caller."""

    def __init__(self, number: int) -> None:
        self.visits = [number, number + 1.5]
        self.notes = {"name": str(number) * 100}


VISITORS: list[Visitor] = []


@functools.lru_cache(maxsize=100_000)
def _remembered(key: int) -> bytes:
    return bytes(1000)


async def _report(server: Any, tool: str = "work", **options: Any) -> LeakReport:
    options = {"warm_up_calls": 150, "window_calls": 60, "windows": 6, **options}
    async with sdk.in_memory(server) as session:
        watch = MemoryProfiler().detect_leaks(tool=tool, **options)
        for _ in range(options["warm_up_calls"] + options["window_calls"] * options["windows"] + 1):
            assert watch.report is None
            await session.call_tool(tool, {})
        assert watch.report is not None, "it ends by itself after its last window"
        assert watch.report is watch.stop()
    assert not AROUND
    assert not ON_BEGIN
    return watch.report


@pytest.mark.alone
async def test_a_kibibyte_for_each_call_is_found_with_its_line_and_its_holder() -> None:
    program.LEAKED.clear()
    found = await _report(program.make(1024, seed=1))
    assert found.verdict == "leak", found.reason
    # Within a fifth it is over more calls, below.
    assert found.bytes_per_call == pytest.approx(1024, rel=0.4)
    line = linecache.getline(program.__file__, found.lines[0].stack[-1].line)
    assert "LEAKED.append" in line
    assert found.lines[0].stack[-1].function == "Program.work"
    assert found.types[0].name == "bytes"
    assert found.chain is not None
    assert found.chain.rooted
    assert found.chain.steps[0] == f"{program.__name__}.LEAKED"
    assert found.chain.steps[-1] == "bytes"
    assert found.hours_to_limit is not None
    rate = found.bytes_per_call * found.calls_per_s
    assert found.hours_to_limit == pytest.approx((found.limit_bytes - found.resident_bytes) / rate / 3600)
    program.LEAKED.clear()


@pytest.mark.alone
async def test_what_stays_within_its_bounds_is_no_leak() -> None:
    found = await _report(program.make(0, seed=2))
    assert not found.leaks, found
    assert found.bytes_per_call == 0
    assert found.hours_to_limit is None


def _keys(call: int) -> None:
    SEEN[f"{call:08d}" * 50] = True


def _instances(call: int) -> None:
    VISITORS.append(Visitor(call + 1_000_000))


def _cache(call: int) -> None:
    _remembered(call)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("grow", "verdict", "kinds", "root"),
    [
        (_keys, "leak", {"str"}, "SEEN"),
        (_instances, "leak", {"str", "dict", "list"}, "VISITORS"),
        (_cache, "filling", {"bytes"}, "_remembered"),
    ],
)
async def test_kinds_of_growth(grow: Callable[[int], None], verdict: str, kinds: set[str], root: str) -> None:
    server, calls = sdk.make_server(), iter(range(1_000_000))

    @server.tool()
    async def work() -> str:
        grow(next(calls))
        return "done"

    found = await _report(server, warm_up_calls=60, window_calls=40)
    assert found.verdict == verdict, found
    assert kinds <= {one.name for one in found.types}
    assert found.chain is not None
    assert found.chain.steps[0] == f"{__name__}.{root}", found.chain
    if verdict == "filling":
        assert found.chain.bound == 100_000
        assert found.hours_to_limit is None


@pytest.mark.slow
async def test_with_enough_frames_the_tool_is_known() -> None:
    program.LEAKED.clear()
    found = await _report(program.make(1024, seed=1), frames=24, warm_up_calls=20, window_calls=10)
    assert found.lines[0].tool == "work"
    assert found.lines[0].stack[-1].function == "Program.work"
    program.LEAKED.clear()


async def test_too_few_calls_are_undecided() -> None:
    async with sdk.in_memory(program.make(1024, seed=1)) as session:
        watch = MemoryProfiler().detect_leaks(warm_up_calls=0, window_calls=2)
        for _ in range(5):
            await session.call_tool("work", {})
        assert 0.2 < watch.progress < 0.4
        found = watch.stop()
    assert found.verdict == "undecided"
    assert "2 windows of calls are too few; 6 are needed" in found.reason
    program.LEAKED.clear()


async def _of_a_process(folder: Path, leak_bytes: int, seed: int) -> dict[str, Any]:
    report = folder / f"{leak_bytes}-{seed}.json"
    command = [sys.executable, "-m", "tests.profiling.memory.program", str(report), str(leak_bytes), str(seed)]
    async with sdk.over_stdio(*command, env=processes.environment()) as session:
        for _ in range(1101):
            await session.call_tool("work", {})
        assert report.exists(), "the last call has ended the search"
    found: dict[str, Any] = json.loads(report.read_text())
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_of_20_clean_servers_none_is_flagged(tmp_path: Path) -> None:
    found = [await _of_a_process(tmp_path, 0, seed) for seed in range(20)]
    assert [one["reason"] for one in found if one["verdict"] == "leak"] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("leak_bytes", [1024, 8192])
async def test_a_process_that_leaks_is_found_within_a_fifth(tmp_path: Path, leak_bytes: int) -> None:
    for seed in range(3):
        found = await _of_a_process(tmp_path, leak_bytes, seed)
        assert found["verdict"] == "leak", found["reason"]
        assert found["bytes_per_call"] == pytest.approx(leak_bytes, rel=0.2)
        assert found["chain"][0] == "__main__.LEAKED"
