"""Who blocks the event loop, where, and whom that holds up: on the real SDK, on asyncio's loop and on uvloop."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanKind

from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio

BLOCK_S = 0.4
DURATION = "groundhog.event_loop.blocked.duration"


def _spin() -> None:
    end = time.monotonic() + BLOCK_S
    while time.monotonic() < end:
        sum(range(1000))


async def _in_a_child() -> None:
    await asyncio.sleep(0)
    time.sleep(BLOCK_S)  # noqa: ASYNC251 - the mistake under test


def _server() -> Any:
    server = sdk.make_server()

    @server.tool()
    async def sleeper() -> str:
        time.sleep(BLOCK_S)  # noqa: ASYNC251 - the mistake under test
        return "done"

    @server.tool()
    async def spinner() -> str:
        await anyio.sleep(0.01)
        _spin()
        await anyio.sleep(0.3)
        return "done"

    @server.tool()
    async def regex() -> str:
        started = time.monotonic()
        text = "a" * 20
        while time.monotonic() - started < BLOCK_S:  # each match holds the interpreter's lock, and longer every time
            re.match(r"(a+)+$", text + "b")
            text += "a"
        return "done"

    @server.tool()
    async def parent() -> str:
        task = asyncio.create_task(_in_a_child())
        with trace.get_tracer("test").start_as_current_span("unrelated"):
            await task
        return "done"

    return server


def _facts(event: Event) -> Mapping[str, Any]:
    return event.attributes or {}


def _longest(span: ReadableSpan, name: str) -> Mapping[str, Any]:
    """Return the facts of the longest block: a busy machine may hold us up, too."""
    found = [_facts(event) for event in span.events if event.name == f"groundhog.event_loop.{name}"]
    assert found, [event.name for event in span.events]
    return max(found, key=lambda facts: float(facts[DURATION]))


@pytest.mark.parametrize(
    ("tool", "function"),
    [
        ("sleeper", "_server.<locals>.sleeper"),
        ("spinner", "_spin"),
        ("regex", "_server.<locals>.regex"),
        ("parent", "_in_a_child"),
    ],
)
async def test_the_culprit_its_line_and_its_victim_are_named(
    capture: Capture, tool: str, function: str, anyio_backend: tuple[str, dict[str, bool]]
) -> None:
    loop = "uvloop" if anyio_backend[1]["use_uvloop"] else "asyncio"
    assert type(asyncio.get_running_loop()).__module__.startswith(loop)
    async with sdk.in_memory(_server()) as session, anyio.create_task_group() as tasks:
        tasks.start_soon(session.call_tool, "nap", {"seconds": BLOCK_S * 3})
        await anyio.sleep(0.15)
        await session.call_tool(tool, {})
    culprit = capture.one(SpanKind.SERVER, f"tools/call {tool}")
    facts = _longest(culprit, "blocked")
    assert BLOCK_S / 2 < facts[DURATION] < 20 * BLOCK_S
    assert facts["code.function.name"].endswith(function)
    assert facts["code.file.path"] == __file__
    assert __name__.rpartition(".")[2] in facts["code.function.name"]
    assert 0 < facts["code.line.number"] < 200
    assert facts["groundhog.event_loop.blocked.victims"] == 2  # nap, at its server and at its client

    for kind in (SpanKind.SERVER, SpanKind.CLIENT):
        victim = capture.one(kind, "tools/call nap")
        facts = _longest(victim, "held_up")
        assert facts["gen_ai.tool.name"] == tool
        assert facts["mcp.method.name"] == "tools/call"
        assert facts[DURATION] > BLOCK_S / 2
        assert culprit.context in [link.context for link in victim.links]
    waiting = capture.one(SpanKind.CLIENT, f"tools/call {tool}")
    held_up = [_facts(event).get("gen_ai.tool.name") for event in waiting.events]
    assert tool not in held_up, "whoever waits for the culprit's answer is no victim"

    named = {"mcp.method.name": "tools/call", "gen_ai.tool.name": tool}
    (point,) = (point for point in capture.points("groundhog.event_loop.blocked") if point.attributes == named)
    assert point.sum > BLOCK_S / 2
    (lag,) = capture.points("groundhog.event_loop.lag")
    assert lag.max > BLOCK_S / 2
    assert lag.count > 3
    assert {0.05, 0.1, 0.5} <= set(lag.explicit_bounds)


async def test_a_request_that_a_late_loop_takes_up_says_how_late_it_is(capture: Capture) -> None:
    async with sdk.in_memory(_server()) as session:
        await session.call_tool("nap", {"seconds": 0.2})  # a loop with time to spare
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.call_tool, "sleeper", {})
            await anyio.sleep(0.02)  # the block is over by the time this is
            await session.call_tool("add", {"a": 1, "b": 2})
    late = capture.one(SpanKind.SERVER, "tools/call add")
    found: Any = (late.attributes or {})["groundhog.event_loop.lag"]
    assert BLOCK_S / 2 < found < 20 * BLOCK_S
    for span in capture.spans(SpanKind.CLIENT):
        assert "groundhog.event_loop.lag" not in (span.attributes or {})
