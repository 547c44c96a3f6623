"""mcp 2.x makes spans of its own: one span per side and message all the same, whoever makes it."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing, is_child

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1.x has no spans of its own")]
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
NATIVE = "mcp-python-sdk"


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Send the SDK's own spans, whose tracer is a module global, wherever ours go."""

    def into(capture: Capture) -> None:
        import mcp.shared._otel

        monkeypatch.setattr(mcp.shared._otel, "_tracer", capture.tracer_provider.get_tracer(NATIVE))

    return into


def _scopes(capture: Capture, name: str) -> list[tuple[SpanKind, str]]:
    return sorted(
        (
            (span.kind, span.instrumentation_scope.name)
            for span in capture.spans(name=name)
            if span.instrumentation_scope
        ),
        key=lambda pair: pair[0].value,
    )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_native_spans_are_replaced(capture: Capture, native: Any, mode: Any) -> None:
    from mcp import Client

    native(capture)
    async with Client(sdk.make_server(), mode=mode) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
    assert _scopes(capture, "tools/call add") == [(SERVER, "groundhog_otel.mcp"), (CLIENT, "groundhog_otel.mcp")]
    assert {span.instrumentation_scope.name for span in capture.spans() if span.instrumentation_scope} == {
        "groundhog_otel.mcp"
    }
    assert is_child(capture.one(SERVER, "tools/call add"), capture.one(CLIENT, "tools/call add"))


async def test_kept_native_spans_get_our_metrics_and_no_second_span(native: Any) -> None:
    with capturing(McpSettings(native_spans="keep")) as capture:
        native(capture)
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
        assert _scopes(capture, "tools/call add") == [(SERVER, NATIVE)]
        assert _scopes(capture, "MCP send tools/call add") == [(CLIENT, NATIVE)]
        for metric in (semconv.MCP_CLIENT_OPERATION_DURATION, semconv.MCP_SERVER_OPERATION_DURATION):
            calls = [p for p in capture.points(metric) if (p.attributes or {}).get("gen_ai.tool.name") == "add"]
            assert [point.count for point in calls] == [1]


async def test_a_server_without_the_native_middleware_is_traced_all_the_same(capture: Capture) -> None:
    server = sdk.make_server()
    server.middleware.clear()
    async with sdk.in_memory(server) as session:
        await session.call_tool("add", {"a": 1, "b": 2})
    capture.one(SERVER, "tools/call add")


async def test_a_session_opened_before_is_traced_from_then_on(native: Any) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.send_ping()
        with capturing() as capture:
            native(capture)
            await session.call_tool("add", {"a": 1, "b": 2})
            await session.call_tool("add", {"a": 1, "b": 2})
        assert len(capture.spans(CLIENT, "tools/call add")) == len(capture.spans(SERVER, "tools/call add")) == 2
        await session.send_ping()
        assert not capture.spans(name="ping")


async def test_modern_protocol_has_no_session_and_says_its_version(capture: Capture) -> None:
    from mcp import Client

    with sdk.http_server() as url:
        async with Client(url, mode="auto") as client:
            await client.call_tool("add", {"a": 1, "b": 2})
    for kind in (CLIENT, SERVER):
        found = attributes(capture.one(kind, "tools/call add"))
        assert found[semconv.MCP_PROTOCOL_VERSION] == "2026-07-28"
        assert found[semconv.NETWORK_TRANSPORT] == "tcp"
        assert semconv.MCP_SESSION_ID not in found


async def test_the_span_around_a_call_is_the_parent(capture: Capture) -> None:
    tracer = capture.tracer_provider.get_tracer("application")
    async with sdk.in_memory(sdk.make_server()) as session:
        with tracer.start_as_current_span("agent turn"):
            await session.call_tool("add", {"a": 1, "b": 2})
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert is_child(capture.one(CLIENT, "tools/call add"), capture.one(SpanKind.INTERNAL, "agent turn"))
