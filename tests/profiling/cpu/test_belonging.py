"""Whose each sample is: across tasks that take turns, their children, and worker threads. No sample is shared."""

from __future__ import annotations

import asyncio
import linecache
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from groundhog_otel.profiling.cpu import CpuProfiler
from groundhog_otel.profiling.model import Profile, Sample
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio


def _link_of(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return format(span.context.trace_id, "032x"), format(span.context.span_id, "016x")


def _functions(sample: Sample) -> set[str]:
    return {frame.function.rpartition(".")[2] for frame in sample.stack}


def _linked(profile: Profile, *functions: str) -> list[Sample]:
    """Return the samples in which any of the functions was on the stack."""
    return [one for one in profile.samples if set(functions) & _functions(one)]


def _cpu_s(samples: list[Sample]) -> float:
    return sum(one.values[1] for one in samples) / 1e9


@pytest.mark.parametrize(
    ("tools", "arguments"),
    [
        (("lefty", "righty"), {"rounds": 60}),
        (("left_family", "right_family"), {}),
        (("left_threads", "right_threads"), {}),
    ],
    ids=["tasks", "child tasks and spans", "worker threads"],
)
async def test_tools_that_take_turns_never_share_a_sample(
    capture: Capture, server: Any, tools: tuple[str, str], arguments: dict[str, int]
) -> None:
    async with sdk.in_memory(server) as session:
        # In one trace, as a model's calls are: the trace does not tell them apart.
        agent = capture.tracer_provider.get_tracer("test").start_as_current_span("agent")
        with CpuProfiler(interval_s=0.001).start_profiling() as profiling, agent:
            async with anyio.create_task_group() as tasks:
                for tool in tools * 2:
                    tasks.start_soon(session.call_tool, tool, arguments)
        profile = profiling.stop()
    for tool, function in zip(tools, ("left", "right"), strict=True):
        spans = capture.spans(SpanKind.SERVER, f"tools/call {tool}")
        assert len(spans) == 2
        samples = _linked(profile, function)
        assert _cpu_s(samples) > 0.2
        links = {one.link for one in samples}
        assert None not in links, [one for one in samples if one.link is None]
        assert {(link.method, link.target, link.side) for link in links if link} == {("tools/call", tool, "server")}
        assert {(link.trace_id, link.span_id) for link in links if link} == {_link_of(span) for span in spans}
        for span in spans:
            assert (span.attributes or {})["groundhog.profile.id"] == profile.profile_id
    for one in profile.samples:
        assert not {"left", "right"} <= _functions(one)
    if tools[0] == "lefty":
        for sample in profile.samples:
            if sample.link is not None and sample.link.target in tools and sample.link.side == "server":
                other = ({"lefty", "left"}, {"righty", "right"})[sample.link.target == "lefty"]
                assert not other & _functions(sample)


async def test_an_operation_that_began_before_the_session_is_followed_too(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session, anyio.create_task_group() as tasks:
        tasks.start_soon(session.call_tool, "lefty", {"rounds": 100})
        tasks.start_soon(session.call_tool, "nap", {"seconds": 0.6})
        await anyio.sleep(0.05)
        profiling = CpuProfiler(interval_s=0.002).start_profiling()
        await anyio.sleep(0.3)
        profile = profiling.stop()
        tasks.cancel_scope.cancel()
    samples = _linked(profile, "left")
    assert samples
    assert {(one.link.target, one.link.side) for one in samples if one.link} == {("lefty", "server")}
    assert all(one.link for one in samples)
    napping = [one for one in profile.samples if one.link and one.link.target == "nap" and one.link.side == "server"]
    assert {one.state for one in napping} & {"awaiting"}
    assert any("nap" in _functions(one) for one in napping)


async def test_what_waits_is_told_apart_with_its_line(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.005, tools=["nap", "sleeper"]).start_profiling() as profiling:
            await session.call_tool("nap", {"seconds": 0.3})
            await session.call_tool("sleeper", {"seconds": 0.3})
    hotspots = CpuProfiler.analyze_hotspots(profiling.stop().samples)
    nap, sleeper = hotspots.tool("nap"), hotspots.tool("sleeper")
    assert nap.times.awaited_ns > 10 * nap.times.wall_ns
    assert nap.function("nap").total.awaited_ns > 0.2e9
    assert sleeper.times.awaited_ns < 0.1 * sleeper.times.wall_ns
    assert sleeper.function("sleeper").own.wall_ns > 0.2e9
    assert sleeper.times.cpu_ns < 0.2 * sleeper.times.wall_ns
    line = sleeper.function("sleeper").line
    assert "time.sleep" in _line(sleeper.function("sleeper").file, line)


async def test_what_belongs_to_nobody_is_nobodys(capture: Capture, server: Any) -> None:
    async def stranger() -> None:
        from tests.profiling.cpu.conftest import some

        for _ in range(50):
            some(0.004)
            await asyncio.sleep(0)

    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.001).start_profiling() as profiling:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.call_tool, "lefty", {"rounds": 50})
                tasks.start_soon(stranger)
    samples = _linked(profiling.stop(), "some")
    assert _cpu_s(samples) > 0.1
    assert {one.link for one in samples} == {None}


async def test_a_tool_that_asks_another_server_keeps_what_it_waits_for(capture: Capture, server: Any) -> None:
    outer = sdk.make_server()

    async with sdk.in_memory(server) as inner:

        @outer.tool()
        async def proxy() -> str:
            await inner.call_tool("nap", {"seconds": 0.3})
            return "done"

        async with sdk.in_memory(outer) as session:
            with CpuProfiler(interval_s=0.005).start_profiling() as profiling:
                await session.call_tool("proxy", {})
    hotspots = CpuProfiler.analyze_hotspots(profiling.stop().samples)
    assert hotspots.tool("proxy").function("proxy").total.awaited_ns > 0.2e9
    assert hotspots.tool("nap").function("nap").total.awaited_ns > 0.2e9


def _line(file: str, number: int) -> str:
    return linecache.getline(file, number)
