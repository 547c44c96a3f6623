"""Every request is one CLIENT and one SERVER span and one record in each histogram, by the conventions."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


async def _every_request(session: Any) -> None:
    await session.list_tools()
    await session.call_tool("add", {"a": 1, "b": 2})
    await session.call_tool("boom", {})
    await session.call_tool("roots", {})
    await session.list_resources()
    await session.read_resource(sdk.uri("memo://note"))
    await session.list_prompts()
    await session.get_prompt("greet", {"name": sdk.SECRET})
    await session.send_ping()


EXPECTED = [
    "initialize",
    "notifications/initialized",
    "ping",
    "prompts/get greet",
    "prompts/list",
    "resources/list",
    "resources/read",
    "roots/list",
    "tools/call add",
    "tools/call boom",
    "tools/call roots",
]


def _assert_one_span_per_side(capture: Capture) -> None:
    """tools/list is left to itself: the SDK sends it on its own account too, to learn output schemas."""
    for kind in (CLIENT, SERVER):
        names = sorted(span.name for span in capture.spans(kind) if span.name != "tools/list")
        assert names == EXPECTED
    for client in capture.spans(CLIENT):
        children = [span for span in capture.spans(SERVER) if is_child(span, client)]
        assert len(children) == 1, client.name
        assert children[0].name == client.name
    assert {span.kind for span in capture.spans()} == {CLIENT, SERVER}


def _assert_metrics_equal_spans(capture: Capture) -> None:
    for kind, metric in (
        (CLIENT, semconv.MCP_CLIENT_OPERATION_DURATION),
        (SERVER, semconv.MCP_SERVER_OPERATION_DURATION),
    ):
        points = capture.points(metric)
        assert sum(point.count for point in points) == len(capture.spans(kind))
        for point in points:
            assert tuple(point.explicit_bounds) == semconv.MCP_DURATION_BUCKETS_S
            traced = {span.context.trace_id for span in capture.spans(kind)}
            assert {exemplar.trace_id for exemplar in point.exemplars} <= traced
            assert point.exemplars


async def test_in_memory(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await _every_request(session)
    _assert_one_span_per_side(capture)
    _assert_metrics_equal_spans(capture)
    assert not any(semconv.NETWORK_TRANSPORT in attributes(span) for span in capture.spans())


@pytest.mark.parametrize("json_response", [False, True])
async def test_streamable_http(capture: Capture, json_response: bool) -> None:
    with sdk.http_server(json_response=json_response) as url:
        async with sdk.over_http(url) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            await session.send_ping()
    for name in ("initialize", "tools/call add", "ping"):
        client, server = capture.one(CLIENT, name), capture.one(SERVER, name)
        assert is_child(server, client)
        for span in (client, server):
            found = attributes(span)
            assert found[semconv.NETWORK_TRANSPORT] == "tcp"
            assert found[semconv.NETWORK_PROTOCOL_NAME] == "http"
            assert found[semconv.MCP_SESSION_ID]
        assert attributes(client)[semconv.MCP_SESSION_ID] == attributes(server)[semconv.MCP_SESSION_ID]
        assert attributes(client)[semconv.SERVER_ADDRESS] == "127.0.0.1"
        assert attributes(client)[semconv.SERVER_PORT] == int(url.split(":")[2].split("/")[0])
        assert attributes(server)[semconv.NETWORK_PROTOCOL_VERSION] == "1.1"
        assert attributes(server)[semconv.CLIENT_ADDRESS] == "127.0.0.1"
        assert isinstance(attributes(server)[semconv.CLIENT_PORT], int)
    _assert_metrics_equal_spans(capture)
    for metric in (semconv.MCP_CLIENT_OPERATION_DURATION, semconv.MCP_SERVER_OPERATION_DURATION):
        for point in capture.points(metric):
            assert not {
                semconv.MCP_SESSION_ID,
                semconv.CLIENT_ADDRESS,
                semconv.CLIENT_PORT,
                semconv.JSONRPC_REQUEST_ID,
            } & set(point.attributes or {})


async def test_stateless_http_has_no_session(capture: Capture) -> None:
    with sdk.http_server(stateless=True) as url:
        async with sdk.over_http(url) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
    client, server = capture.one(CLIENT, "tools/call add"), capture.one(SERVER, "tools/call add")
    assert is_child(server, client)
    assert attributes(server)[semconv.NETWORK_TRANSPORT] == "tcp"
    assert semconv.MCP_SESSION_ID not in attributes(client) | attributes(server)


async def test_attributes_of_a_tool_call(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.call_tool("add", {"a": 1, "b": 2})
    client, server = capture.one(CLIENT, "tools/call add"), capture.one(SERVER, "tools/call add")
    for span in (client, server):
        found = attributes(span)
        version, request_id = found.pop(semconv.MCP_PROTOCOL_VERSION), found.pop(semconv.JSONRPC_REQUEST_ID)
        assert version >= "2025-06-18"
        assert isinstance(request_id, str)
        assert found == {
            "mcp.method.name": "tools/call",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "add",
        }
        assert span.status.status_code is StatusCode.UNSET
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.name == "groundhog_otel.mcp"
    assert attributes(client)[semconv.JSONRPC_REQUEST_ID] == attributes(server)[semconv.JSONRPC_REQUEST_ID]


async def test_handshake_reports_the_version_it_settled_on(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.send_ping()
    versions = {attributes(span)[semconv.MCP_PROTOCOL_VERSION] for span in capture.spans(name="initialize")}
    later = {attributes(span)[semconv.MCP_PROTOCOL_VERSION] for span in capture.spans(name="ping")}
    assert versions == later
    assert len(versions) == 1


async def test_resource_uri_and_prompt_name(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.read_resource(sdk.uri("memo://note"))
        await session.get_prompt("greet", {"name": "you"})
    for kind in (CLIENT, SERVER):
        assert attributes(capture.one(kind, "resources/read"))[semconv.MCP_RESOURCE_URI] == "memo://note"
        assert attributes(capture.one(kind, "prompts/get greet"))[semconv.GEN_AI_PROMPT_NAME] == "greet"
        assert semconv.GEN_AI_OPERATION_NAME not in attributes(capture.one(kind, "prompts/get greet"))


async def test_spans_inside_a_tool_are_children_of_its_server_span(capture: Capture) -> None:
    server = sdk.make_server()
    tracer = capture.tracer_provider.get_tracer("application")

    @server.tool()
    def sync_work() -> str:  # runs in a worker thread on mcp 2.x
        with tracer.start_as_current_span("inner sync"):
            return "done"

    @server.tool()
    async def async_work() -> str:
        with tracer.start_as_current_span("inner async"):
            return "done"

    async with sdk.in_memory(server) as session:
        await session.call_tool("sync_work", {})
        await session.call_tool("async_work", {})
    for flavour in ("sync", "async"):
        inner = capture.one(SpanKind.INTERNAL, f"inner {flavour}")
        assert is_child(inner, capture.one(SERVER, f"tools/call {flavour}_work"))


async def test_fifty_parallel_calls_keep_their_own_parents(capture: Capture) -> None:
    import anyio

    async with sdk.in_memory(sdk.make_server()) as session, anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(session.call_tool, "nap", {"seconds": 0.01})
    clients = capture.spans(CLIENT, "tools/call nap")
    servers = capture.spans(SERVER, "tools/call nap")
    assert len(clients) == len(servers) == 50
    assert {s.parent.span_id for s in servers if s.parent} == {c.context.span_id for c in clients}
    assert len({s.context.trace_id for s in servers}) == 50
