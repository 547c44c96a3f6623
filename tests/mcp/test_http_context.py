"""Context around streamable HTTP: HTTP spans nest below the MCP client span, and the server's HTTP span is linked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanKind

from tests.support import sdk
from tests.support.telemetry import Capture, attributes, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


def _http_spans(capture: Capture) -> Callable[[Any], Any]:
    """Return what an HTTP server instrumentation does: a span around every request, from no parent here."""
    tracer = capture.tracer_provider.get_tracer("http")

    def around(app: Any) -> Any:
        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            with tracer.start_as_current_span(f"HTTP {scope['method']}", Context()):
                await app(scope, receive, send)

        return asgi

    return around


async def test_http_requests_are_made_within_the_client_span_of_their_message(capture: Capture) -> None:
    within: list[int] = []

    def note() -> None:
        within.append(trace.get_current_span().get_span_context().span_id)

    with sdk.http_server() as url:
        async with sdk.over_http(url, on_request=note) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            await session.send_ping()
    for name in ("initialize", "tools/call add", "ping"):
        assert capture.one(CLIENT, name).context.span_id in within, name


async def test_the_http_span_of_each_request_becomes_a_link(capture: Capture) -> None:
    with sdk.http_server(around=_http_spans(capture)) as url:
        async with sdk.over_http(url) as session:
            for _ in range(3):
                await session.call_tool("add", {"a": 1, "b": 2})
    posts = {span.context.span_id for span in capture.spans(name="HTTP POST")}
    linked = []
    for server in capture.spans(SERVER, "tools/call add"):
        assert any(is_child(server, client) for client in capture.spans(CLIENT, "tools/call add"))
        (link,) = server.links
        linked.append(link.context.span_id)
    assert len(set(linked)) == 3, "a later request was linked to an earlier one's HTTP span"
    assert set(linked) <= posts


async def test_without_context_in_the_message_the_http_span_is_the_parent(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opentelemetry.propagate._HTTP_TEXT_FORMAT", CompositePropagator([]))
    with sdk.http_server(around=_http_spans(capture)) as url:
        async with sdk.over_http(url) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
    server = capture.one(SERVER, "tools/call add")
    assert any(is_child(server, post) for post in capture.spans(name="HTTP POST"))
    assert not server.links
    assert attributes(server)["network.transport"] == "tcp"
