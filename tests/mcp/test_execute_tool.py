"""An agent framework's ``execute_tool`` span around a call: ours below it, or, when asked for, that one for ours."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER, INTERNAL = SpanKind.CLIENT, SpanKind.SERVER, SpanKind.INTERNAL


ENRICH = McpSettings(execute_tool="enrich")


async def _call_within(capture: Capture, tool: str = "add", told: str | None = None, **arguments: Any) -> None:
    span_attributes = {semconv.GEN_AI_OPERATION_NAME: "execute_tool", semconv.GEN_AI_TOOL_NAME: told or tool}
    tracer = capture.tracer_provider.get_tracer("agent framework")
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.call_tool(tool, arguments)  # what the SDK has to list, it lists now
        capture.clear()
        with tracer.start_as_current_span(f"execute_tool {tool}", attributes=span_attributes):
            await session.call_tool(tool, arguments)


async def test_by_default_ours_is_below_it(capture: Capture) -> None:
    await _call_within(capture, a=1, b=2)
    client = capture.one(CLIENT, "tools/call add")
    outer = capture.one(INTERNAL, "execute_tool add")
    assert is_child(client, outer)
    assert semconv.MCP_METHOD_NAME not in attributes(outer)


async def test_when_asked_for_it_stands_for_ours() -> None:
    with capturing(ENRICH) as capture:
        await _call_within(capture, a=1, b=2)
        assert capture.spans(CLIENT) == []
        outer = capture.one(INTERNAL, "execute_tool add")
        assert is_child(capture.one(SERVER, "tools/call add"), outer)
        found = attributes(outer)
        assert found[semconv.MCP_METHOD_NAME] == "tools/call"
        assert found[semconv.MCP_PROTOCOL_VERSION]
        assert (
            found[semconv.JSONRPC_REQUEST_ID]
            == attributes(capture.one(SERVER, "tools/call add"))[semconv.JSONRPC_REQUEST_ID]
        )
        assert outer.status.status_code is StatusCode.UNSET
        calls = [
            point
            for point in capture.points(semconv.MCP_CLIENT_OPERATION_DURATION)
            if (point.attributes or {}).get(semconv.GEN_AI_TOOL_NAME) == "add"
        ]
        assert [point.count for point in calls] == [2]
        assert capture.spans()[-1] is outer, "whoever started it ends it"


async def test_what_fails_is_said_on_it() -> None:
    with capturing(ENRICH) as capture:
        await _call_within(capture, "boom")
        outer = capture.one(INTERNAL, "execute_tool boom")
        assert attributes(outer)[semconv.ERROR_TYPE] == "tool_error"
        assert outer.status.status_code is StatusCode.ERROR
        assert sdk.SECRET not in outer.to_json()


async def test_another_tools_span_is_left_alone() -> None:
    with capturing(ENRICH) as capture:
        await _call_within(capture, told="subtract", a=1, b=2)
        outer = capture.one(INTERNAL, "execute_tool add")
        assert is_child(capture.one(CLIENT, "tools/call add"), outer)
        assert semconv.MCP_METHOD_NAME not in attributes(outer)


async def test_other_messages_within_it_have_spans_of_their_own() -> None:
    with capturing(ENRICH) as capture:
        tracer = capture.tracer_provider.get_tracer("agent framework")
        told = {semconv.GEN_AI_OPERATION_NAME: "execute_tool", semconv.GEN_AI_TOOL_NAME: "add"}
        async with sdk.in_memory(sdk.make_server()) as session:
            with tracer.start_as_current_span("execute_tool add", attributes=told):
                await session.list_prompts()
        assert is_child(capture.one(CLIENT, "prompts/list"), capture.one(INTERNAL, "execute_tool add"))
