"""Every message that the real SDK exchanges, on every wire, held to the table of the conventions at both sides."""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel import testing
from tests.support import everything, sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parent.parent.parent


async def _session(opened: AsyncExitStack, transport: str) -> Any:
    callbacks = everything.callbacks()
    if transport == "memory":
        return await opened.enter_async_context(sdk.in_memory(everything.make_server(), **callbacks))
    if transport == "stdio":
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = (sys.executable, "-m", "tests.support.everything")
        return await opened.enter_async_context(sdk.over_stdio(*command, env=environment, **callbacks))
    sse = transport == "sse"
    url = opened.enter_context(sdk.http_server(make=everything.make_server, sse=sse))
    return await opened.enter_async_context((sdk.over_sse if sse else sdk.over_http)(url, **callbacks))


def _assert_conforms(capture: Capture) -> None:
    testing.assert_conforms(capture.public.spans(), capture.public.metrics)


@pytest.mark.parametrize("transport", ["memory", "stdio", "http", "sse"])
async def test_every_message_conforms(capture: Capture, transport: str) -> None:
    async with AsyncExitStack() as opened:
        await everything.exchange(await _session(opened, transport))
    names = {span.name for span in capture.spans()}
    assert {*everything.AT_THE_SERVER, *everything.AT_THE_CLIENT} <= names
    _assert_conforms(capture)


@pytest.mark.parametrize("transport", ["memory", "stdio", "http", "sse"])
async def test_every_failure_conforms(capture: Capture, transport: str) -> None:
    async with AsyncExitStack() as opened:
        session = await _session(opened, transport)
        await session.call_tool("boom", {})
        await session.call_tool("add", {"a": "no number"})
        await _refused(session.call_tool, "nobody", {})
        await _refused(session.get_prompt, "nobody", {})
        await _refused(session.get_prompt, "greet", {"wrong": "argument"})
        await _refused(session.read_resource, sdk.uri("memo://nowhere"))
        await session.send_ping()
    errors = [span for span in capture.spans() if "error.type" in (span.attributes or {})]
    assert len({span.name for span in errors}) >= 4, capture.public.tree()
    _assert_conforms(capture)


async def _refused(call: Any, *arguments: Any) -> None:
    """Make a call that most releases answer with an error, and some with a result that says so."""
    try:
        await call(*arguments)
    except Exception as exc:
        assert type(exc).__name__ in {"McpError", "MCPError"}
