"""Every message of the handshake protocols, on every transport: one CLIENT span, one SERVER span, its child."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from tests.support import everything, sdk
from tests.support.telemetry import Capture, attributes, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
TRANSPORTS = ("memory", "http", "http-json", "sse")


async def _session(opened: AsyncExitStack, transport: str) -> Any:
    callbacks = everything.callbacks()
    if transport == "memory":
        return await opened.enter_async_context(sdk.in_memory(everything.make_server(), **callbacks))
    sse, json_response = transport == "sse", transport == "http-json"
    url = opened.enter_context(sdk.http_server(make=everything.make_server, sse=sse, json_response=json_response))
    connect = sdk.over_sse if sse else sdk.over_http
    return await opened.enter_async_context(connect(url, **callbacks))


def _names(capture: Capture, kind: SpanKind) -> set[str]:
    return {span.name for span in capture.spans(kind)}


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "http-json"])
async def test_every_message_has_one_span_at_each_side(capture: Capture, transport: str) -> None:
    async with AsyncExitStack() as opened:
        await everything.exchange(await _session(opened, transport))
    expected = {*everything.AT_THE_SERVER, *everything.AT_THE_CLIENT}
    assert _names(capture, CLIENT) == expected
    assert _names(capture, SERVER) == expected
    for client in capture.spans(CLIENT):
        children = [span for span in capture.spans(SERVER) if is_child(span, client)]
        assert [child.name for child in children] == [client.name]
    assert len(capture.spans(CLIENT)) == len(capture.spans(SERVER))
    _assert_right_attributes(capture, transport)


def _assert_right_attributes(capture: Capture, transport: str) -> None:
    for span in capture.spans():
        found = attributes(span)
        assert isinstance(found.get(semconv.JSONRPC_REQUEST_ID, ""), str)
        assert (semconv.JSONRPC_REQUEST_ID in found) != span.name.startswith("notifications/"), span.name
        assert found.get(semconv.MCP_PROTOCOL_VERSION, "") >= "2025", (span.name, span.kind)
        assert sdk.SECRET not in repr([found, span.status.description, span.events])
        if transport == "memory":
            assert not [key for key in found if key.startswith(("network.", "server.", "client."))]
            assert semconv.MCP_SESSION_ID not in found
        else:
            assert found[semconv.NETWORK_TRANSPORT] == "tcp"
            assert found[semconv.NETWORK_PROTOCOL_NAME] == "http"
    updated = [
        attributes(span)[semconv.MCP_RESOURCE_URI] for span in capture.spans(name="notifications/resources/updated")
    ]
    assert {uri.partition("?")[0] for uri in updated} == {"memo://REDACTED@note"}
    if transport == "memory":
        return
    sessions = Counter(attributes(span).get(semconv.MCP_SESSION_ID) for span in capture.spans())
    assert None not in sessions
    assert len(sessions) == 1
    for span in capture.spans(CLIENT, "tools/call everything") + capture.spans(CLIENT, "initialize"):
        assert attributes(span)[semconv.SERVER_ADDRESS] == "127.0.0.1"
        assert attributes(span)[semconv.NETWORK_PROTOCOL_VERSION] == "1.1"


async def test_json_responses(capture: Capture) -> None:
    """A server that answers in JSON has no way to send on its own account while it serves a request."""
    async with AsyncExitStack() as opened:
        session = await _session(opened, "http-json")
        await session.call_tool("add", {"a": 1, "b": 2})
        await session.complete(
            sdk.mcp_types().PromptReference(type="ref/prompt", name="greet"), {"name": "name", "value": "y"}
        )
    for name in ("initialize", "notifications/initialized", "tools/call add", "completion/complete"):
        assert is_child(capture.one(SERVER, name), capture.one(CLIENT, name))
