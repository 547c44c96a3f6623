"""Protocol 2026-07-28: no handshake and no sessions, but discovery, subscriptions and rounds of input."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, is_child

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1.x does not speak 2026-07-28")]
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


def _server() -> Any:
    from mcp.server.mcpserver import Context
    from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

    server = sdk.make_server()

    async def rename(ctx: Any) -> str:
        await ctx.notify_tools_changed()
        return "renamed"

    async def ask(ctx: Any) -> Any:
        if ctx.input_responses:
            return "asked"
        schema: dict[str, Any] = {"type": "object", "properties": {"answer": {"type": "string"}}}
        question = ElicitRequestFormParams(message=sdk.SECRET, requested_schema=schema)
        return InputRequiredResult(input_requests={"q": ElicitRequest(params=question)})

    for tool in (rename, ask):
        tool.__annotations__["ctx"] = Context
        if tool is ask:
            ask.__annotations__["return"] = str | InputRequiredResult
        server.tool()(tool)
    return server


async def _elicit(_context: Any, _params: Any) -> Any:
    from mcp_types import ElicitResult

    return ElicitResult(action="accept", content={"answer": "yes"})


async def _client(opened: AsyncExitStack, transport: str) -> Any:
    from mcp import Client

    elicit: Any = _elicit
    target: Any = _server() if transport == "memory" else opened.enter_context(sdk.http_server(make=_server))
    return await opened.enter_async_context(Client(target, mode="auto", elicitation_callback=elicit))


def _assert_one_span_per_side(capture: Capture) -> None:
    # Over HTTP a client cancels by closing the response: the SDK's transport sends no message for it.
    sent = [span for span in capture.spans(CLIENT) if span.name != "notifications/cancelled"]
    for client in sent:
        children = [span for span in capture.spans(SERVER) if is_child(span, client)]
        assert [child.name for child in children] == [client.name], client.name
    assert len(sent) == len(capture.spans(SERVER))
    for span in capture.spans():
        assert semconv.MCP_SESSION_ID not in attributes(span)
        assert sdk.SECRET not in repr([attributes(span), span.status.description, span.events])


@pytest.mark.parametrize("transport", ["memory", "http"])
async def test_discovery_and_calls(capture: Capture, transport: str) -> None:
    async with AsyncExitStack() as opened:
        client = await _client(opened, transport)
        await client.list_tools()
        await client.call_tool("add", {"a": 1, "b": 2})
        await client.read_resource("memo://note")
        await client.get_prompt("greet", {"name": sdk.SECRET})
    _assert_one_span_per_side(capture)
    names = [span.name for span in capture.spans(SERVER)]
    assert sorted(names) == sorted(
        ["server/discover", "tools/list", "tools/call add", "resources/read", "prompts/get greet"]
    ), "what the SDK asks its own tools/list handler is no message"
    for span in capture.spans(name="tools/call add"):
        assert attributes(span)[semconv.MCP_PROTOCOL_VERSION] == "2026-07-28"
    assert not capture.points(semconv.MCP_CLIENT_SESSION_DURATION)
    assert not capture.points(semconv.MCP_SERVER_SESSION_DURATION)


@pytest.mark.parametrize("transport", ["memory", "http"])
async def test_every_round_of_input_is_an_operation(capture: Capture, transport: str) -> None:
    async with AsyncExitStack() as opened:
        client = await _client(opened, transport)
        result = await client.call_tool("ask", {})
        assert result.content[0].text == "asked"
    _assert_one_span_per_side(capture)
    assert len(capture.spans(CLIENT, "tools/call ask")) == 2
    assert not [span for span in capture.spans() if span.status.status_code is StatusCode.ERROR]


async def test_subscriptions(capture: Capture) -> None:
    async with AsyncExitStack() as opened:
        client = await _client(opened, "http")
        async with client.listen(tools_list_changed=True) as subscription:
            await client.call_tool("rename", {})
            with anyio.fail_after(5):
                await anext(aiter(subscription))
        await client.list_tools()
        await anyio.sleep(0.2)
    _assert_one_span_per_side(capture)
    for kind in (CLIENT, SERVER):
        names = {span.name for span in capture.spans(kind)}
        assert {"subscriptions/listen", "notifications/subscriptions/acknowledged"} <= names
        assert "notifications/tools/list_changed" in names


async def test_a_refused_version_is_seen(capture: Capture) -> None:
    with sdk.http_server(make=_server) as url:
        code = _post(
            url, {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"_meta": _TRACE}}, "2099-01-01"
        )
    span = capture.one(SERVER, "tools/list")
    found = attributes(span)
    assert found[semconv.RPC_RESPONSE_STATUS_CODE] == str(code)
    assert found[semconv.JSONRPC_REQUEST_ID] == "7"
    assert found[semconv.NETWORK_TRANSPORT] == "tcp"
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == _TRACE["traceparent"].split("-")[1]


async def test_a_request_of_the_other_era_is_seen(capture: Capture) -> None:
    from mcp_types import EmptyResult, PingRequest, RequestParams

    params = RequestParams.model_validate({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}})
    async with sdk.in_memory(_server()) as session:
        with pytest.raises(Exception, match="handshake protocol era"):
            await session.send_request(PingRequest(params=params), EmptyResult)
    client, server = capture.one(CLIENT, "ping"), capture.one(SERVER, "ping")
    assert is_child(server, client)
    assert attributes(client)[semconv.ERROR_TYPE] == "-32600"
    assert attributes(server)[semconv.RPC_RESPONSE_STATUS_CODE] == "-32600"
    assert semconv.ERROR_TYPE not in attributes(server)


_TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def _post(url: str, message: dict[str, Any], version: str) -> int:
    """Post one message and return the code of the JSON-RPC error that comes back."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
        "Mcp-Method": message["method"],
    }
    request = urllib.request.Request(url, json.dumps(message).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=10)
    with raised.value as response:
        return int(json.load(response)["error"]["code"])
