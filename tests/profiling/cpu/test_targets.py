"""Which operations are profiled: these tools, so many calls, those that take too long; and what their spans say."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp.inflight import ON_BEGIN, ON_END
from groundhog_otel.profiling.cpu import CpuProfiler, Targets
from groundhog_otel.profiling.model import Profile
from groundhog_otel.semconv import PROFILE_ID
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio


def _named(capture: Capture, profile: Profile) -> list[str]:
    """Return the names of the spans that say they are in a profile."""
    return [one.name for one in capture.spans() if (one.attributes or {}).get(PROFILE_ID) == profile.profile_id]


def _targets(profile: Profile) -> set[str | None]:
    assert all(one.link is not None for one in profile.samples)
    return {one.link.target for one in profile.samples if one.link is not None}


async def test_only_the_tools_that_are_named(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.002, tools=["left*"]).start_profiling() as profiling:
            async with anyio.create_task_group() as tasks:
                for tool in ("lefty", "righty"):
                    tasks.start_soon(session.call_tool, tool, {"rounds": 30})
    profile = profiling.stop()
    assert _targets(profile) == {"lefty"}
    assert set(_named(capture, profile)) == {"tools/call lefty"}


async def test_so_many_calls_and_then_it_is_over(capture: Capture, server: Any) -> None:
    tool = {"tools": ["lefty"], "calls": 4}  # client and server are both here: two operations a call
    async with sdk.in_memory(server) as session:
        profiling = CpuProfiler(interval_s=0.002, **tool).start_profiling()  # type: ignore[arg-type]
        for _ in range(4):
            await session.call_tool("lefty", {"rounds": 20})
        with anyio.fail_after(10):
            while not profiling.over.is_set():  # noqa: ASYNC110 - another thread says so
                await anyio.sleep(0.01)
    profile = profiling.stop()
    assert len({one.link.span_id for one in profile.samples if one.link and one.link.side == "server"}) == 2
    assert _named(capture, profile).count("tools/call lefty") == 4
    spans = [one for one in capture.spans(SpanKind.SERVER, "tools/call lefty") if one.attributes]
    assert [PROFILE_ID in (one.attributes or {}) for one in spans] == [True, True, False, False]


async def test_only_calls_that_took_too_long(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.002, over_s=0.3).start_profiling() as profiling:
            await session.call_tool("sleeper", {"seconds": 0.05})
            await session.call_tool("lefty", {"rounds": 2})
            await session.call_tool("sleeper", {"seconds": 0.5})
            await session.call_tool("sleeper", {"seconds": 0.05})
    profile = profiling.stop()
    assert _targets(profile) == {"sleeper"}
    (slow,) = {one.link.span_id for one in profile.samples if one.link and one.link.side == "server"}
    named = [one for one in capture.spans(SpanKind.SERVER) if PROFILE_ID in (one.attributes or {})]
    assert [format(one.context.span_id, "016x") for one in named if one.context] == [slow]
    assert (named[0].end_time or 0) - (named[0].start_time or 0) > 0.3e9
    wall_ns = sum(one.values[0] for one in profile.samples if one.link and one.link.side == "server")
    assert wall_ns > 0.3e9, "what it did before anybody knew that it would be slow is there as well"


async def test_over_the_budget_of_its_class(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.002, over_s="budget").start_profiling() as profiling:
            await session.call_tool("sleeper", {"seconds": 0.3})
    assert _targets(profiling.stop()) == {"sleeper"}


async def test_nothing_is_looked_at_while_none_of_them_is_under_way(capture: Capture, server: Any) -> None:
    before_s = sys.getswitchinterval()
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=0.001, tools=["nap", "lefty"]).start_profiling() as profiling:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.call_tool, "nap", {"seconds": 0.3})
                await anyio.sleep(0.1)
                assert sys.getswitchinterval() < before_s
            await anyio.sleep(0.1)
            looks = profiling._looks.taken
            assert sys.getswitchinterval() == before_s
            await session.call_tool("righty", {"rounds": 20})
            assert profiling._looks.taken == looks
            await session.call_tool("lefty", {"rounds": 20})
            assert profiling._looks.taken > looks
    assert sys.getswitchinterval() == before_s
    assert not [one for one in (*ON_BEGIN, *ON_END) if "profiling" in one.__module__]


async def test_the_light_one_stops_by_itself_between_calls(capture: Capture, server: Any) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler.light().start_profiling() as profiling:
            await session.call_tool("sleeper", {"seconds": 1.2})
            await anyio.sleep(0.2)
            looks = profiling._looks.taken
            await anyio.sleep(0.4)
            assert profiling._looks.taken == looks > 3
    assert "% of one CPU" in profiling.cost()
    assert profiling.stop().facts["cost"]


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"tools": "add"}, r"write a list of names: \['add'\]"),
        ({"calls": 0}, "write 1 or more"),
        ({"over_s": 0}, 'write seconds above 0, or "budget"'),
    ],
)
def test_a_target_that_makes_no_sense_is_one_sentence(options: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        Targets(**options)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"interval_s": 0}, "write 0.0005 to 10 seconds"),
        ({"duration_s": 0}, "write seconds above 0"),
        ({"most_samples": 0}, "write 1 or more"),
        ({"most_share": 0}, "write a number above 0, and 1 at the most"),
    ],
)
def test_a_bound_that_makes_no_sense_is_one_sentence(options: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        CpuProfiler(**options)
