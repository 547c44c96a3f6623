"""A tool whose functions use 70, 20 and 10 % of its CPU time, by its own clock, is reported within three points."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel.profiling.cpu import CpuProfiler, Part
from tests.profiling.cpu.conftest import Work
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio

INTERVAL_S = 0.002
POINTS = 3.0


def _shares(part: Part) -> dict[str, float]:
    found = {name: part.function(name).total.cpu_ns for name in ("most", "some", "least")}
    return {name: 100 * cpu_ns / sum(found.values()) for name, cpu_ns in found.items()}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("mixed", {"rounds": 10, "seconds": 0.2, "pause_s": 0}),
        ("mixed", {"rounds": 10, "seconds": 0.2, "pause_s": 0.02}),
        ("threaded", {"rounds": 10, "seconds": 0.2}),
    ],
    ids=["blocking", "with pauses", "in a worker thread"],
)
async def test_shares_are_right(
    capture: Capture, work: Work, server: Any, tool: str, arguments: dict[str, float]
) -> None:
    async with sdk.in_memory(server) as session:
        with CpuProfiler(interval_s=INTERVAL_S, tools=[tool]).start_profiling() as profiling:
            await session.call_tool(tool, arguments)
        profile = profiling.stop()
    hotspots = CpuProfiler.analyze_hotspots(profile.samples)
    true = work.shares()
    assert true["most"] == pytest.approx(70, abs=2), "the tool itself does not do what it should"
    by_tool = hotspots.tool(tool)
    span = capture.one(SpanKind.SERVER, f"tools/call {tool}")
    assert span.context is not None
    by_operation = hotspots.operation(format(span.context.span_id, "016x"))
    for part in (by_tool, by_operation):
        assert _shares(part) == pytest.approx(true, abs=POINTS)
        # Not only in proportion: it is the CPU time itself, and the tool's clock has the same.
        assert part.function("in_parts").total.cpu_ns / 1e9 == pytest.approx(sum(work.used_s.values()), rel=0.1)
    assert by_tool.times.cpu_ns <= by_tool.times.wall_ns
    if arguments.get("pause_s"):
        assert by_tool.times.awaited_ns > 0.5 * arguments["pause_s"] * arguments["rounds"] * 1e9
    awaiting = [one for one in profile.samples if one.state == "awaiting"]
    assert all(one.values[1] == 0 for one in awaiting)
    assert (span.attributes or {})["groundhog.profile.id"] == profile.profile_id
