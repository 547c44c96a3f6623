"""The ``async def`` that keeps its event loop from everything else is named, with its line and its tool."""

from __future__ import annotations

import linecache
from typing import Any

import anyio
import pytest

from groundhog_otel.profiling.cpu import CpuProfiler
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio

BLOCK_S = 0.6


@pytest.mark.parametrize("light", [False, True])
async def test_the_one_that_blocks_is_named_with_its_line(capture: Capture, server: Any, light: bool) -> None:
    profiler = CpuProfiler.light() if light else CpuProfiler(interval_s=0.005)
    async with sdk.in_memory(server) as session, anyio.create_task_group() as tasks:
        with profiler.start_profiling() as profiling:
            tasks.start_soon(session.call_tool, "nap", {"seconds": BLOCK_S * 2})
            await anyio.sleep(0.05)
            await session.call_tool("sleeper", {"seconds": BLOCK_S})
            await session.call_tool("sleeper", {"seconds": BLOCK_S})
        found = [one for one in profiling.blocking() if one.target == "sleeper"]
        assert len(found) == 1
        (block,) = found
        assert (block.method, block.times) == ("tools/call", 2)
        assert block.coroutine.function.endswith("sleeper")
        assert "time.sleep(seconds)" in linecache.getline(block.coroutine.file, block.coroutine.line)
        assert block.longest_ns > BLOCK_S / 2 * 1e9
        assert block.total_ns > BLOCK_S * 1e9
        told = [str(value) for key, value in profiling.stop().facts.items() if key.startswith("blocked the event loop")]
        assert any(f"{block.coroutine.file}:{block.coroutine.line}), tools/call sleeper" in one for one in told)
        tasks.cancel_scope.cancel()


async def test_one_that_lets_others_run_is_not(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.002, blocking_s=0.2).start_profiling() as profiling:
            await session.call_tool("lefty", {"rounds": 150})  # at the same line all the time, 4 ms at a time
    assert not [one for one in profiling.blocking() if one.target == "lefty"]
