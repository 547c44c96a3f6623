"""Everything that the real SDK makes us emit, on every wire, held to the table of the conventions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from groundhog_otel.testing import assert_conforms
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Client-to-server progress is deprecated")]
ROOT = Path(__file__).resolve().parent.parent.parent


async def _everything(session: Any) -> None:
    """Call each operation, in each way it can end."""
    types = sdk.mcp_types()
    await session.list_tools()
    await session.call_tool("add", {"a": 1, "b": 2})
    await session.call_tool("boom", {})
    await session.call_tool("add", {"a": "no number"})
    await session.call_tool("roots", {})
    await session.list_resources()
    await session.list_resource_templates()
    await session.read_resource(sdk.uri("memo://note"))
    await session.list_prompts()
    await session.get_prompt("greet", {"name": "you"})
    await session.send_ping()
    await session.send_progress_notification("token", 0.5)
    await _refused(session.call_tool, "nobody", {})
    await _refused(session.get_prompt, "nobody", {})
    await _refused(session.get_prompt, "greet", {"wrong": "argument"})
    await _refused(session.read_resource, sdk.uri("memo://nowhere"))
    reference = types.PromptReference(type="ref/prompt", name="greet")
    await _refused(session.complete, reference, {"name": "name", "value": "y"})
    with anyio.move_on_after(0.05):
        await session.call_tool("nap", {"seconds": 5})
    await session.send_ping()


async def _refused(call: Any, *arguments: Any) -> None:
    """Make a call that most releases answer with an error, and some with a result that says so."""
    try:
        await call(*arguments)
    except Exception as exc:
        assert type(exc).__name__ in {"McpError", "MCPError"}, exc  # noqa: PT017


def _assert_all_conform(capture: Capture, *, sides: int = 2) -> None:
    public = capture.public
    assert len({span.name for span in public.spans()}) >= 15, public.tree()
    assert len({span.kind for span in public.spans()}) == sides or sides == 1
    assert any(metric.name == "mcp.client.operation.duration" for metric in public.metrics)
    assert_conforms(public.spans(), public.metrics)


async def test_in_memory(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await _everything(session)
    _assert_all_conform(capture)


@pytest.mark.parametrize("json_response", [False, True])
async def test_streamable_http(capture: Capture, json_response: bool) -> None:
    with sdk.http_server(json_response=json_response) as url:
        async with sdk.over_http(url) as session:
            await _everything(session)
    _assert_all_conform(capture)


async def test_stdio(capture: Capture) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    async with sdk.over_stdio(sys.executable, "-m", "tests.support.sdk", env=environment) as session:
        await _everything(session)
    _assert_all_conform(capture, sides=1)
