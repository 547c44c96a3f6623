"""Context around streamable HTTP: HTTP spans nest below the MCP client span, and the server's HTTP span is linked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing, is_child

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


@pytest.mark.usefixtures("silent")
async def test_without_context_in_the_message_the_http_span_is_the_parent(capture: Capture) -> None:
    with sdk.http_server(around=_http_spans(capture)) as url:
        async with sdk.over_http(url) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
    server = capture.one(SERVER, "tools/call add")
    assert any(is_child(server, post) for post in capture.spans(name="HTTP POST"))
    assert not server.links
    assert attributes(server)["network.transport"] == "tcp"


REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _with_headers(**headers: str) -> Callable[[Any], Any]:
    """Return what stands between a caller and a server and adds headers, as a gateway does."""

    def around(app: Any) -> Any:
        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                more = [(name.encode(), value.encode()) for name, value in headers.items()]
                scope = {**scope, "headers": [*scope["headers"], *more]}
            await app(scope, receive, send)

        return asgi

    return around


async def _call_through(around: Callable[[Any], Any], *, sse: bool = False) -> None:
    with sdk.http_server(sse=sse, around=around) as url:
        async with (sdk.over_sse if sse else sdk.over_http)(url) as session:
            await session.call_tool("add", {"a": 1, "b": 2})


def _is_remotes_child(span: Any) -> bool:
    _, trace_id, span_id, _ = REMOTE.split("-")
    return (span.context.trace_id, span.parent and span.parent.span_id) == (int(trace_id, 16), int(span_id, 16))


class _Listening(TraceContextTextMapPropagator):
    def inject(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing."""


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients put no context into messages, as those do that know nothing of it."""
    monkeypatch.setattr("opentelemetry.propagate._HTTP_TEXT_FORMAT", _Listening())


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("sse", [False, True])
async def test_with_context_in_the_headers_alone_the_caller_is_the_parent(capture: Capture, sse: bool) -> None:
    """No HTTP instrumentation at the server, and a caller or gateway that knows of HTTP only."""
    await _call_through(_with_headers(traceparent=REMOTE, tracestate="a=b"), sse=sse)
    server = capture.one(SERVER, "tools/call add")
    assert _is_remotes_child(server)
    assert server.context.trace_state.get("a") == "b"
    assert not server.links


@pytest.mark.usefixtures("silent")
async def test_with_context_nowhere_the_span_is_a_root(capture: Capture) -> None:
    await _call_through(_with_headers(traceparent="nonsense", baggage="a" * 10_000))
    assert capture.one(SERVER, "tools/call add").parent is None


@pytest.mark.usefixtures("silent")
async def test_a_span_around_the_request_stands_before_its_headers(capture: Capture) -> None:
    spans = _http_spans(capture)
    await _call_through(lambda app: _with_headers(traceparent=REMOTE)(spans(app)))
    server = capture.one(SERVER, "tools/call add")
    assert any(is_child(server, post) for post in capture.spans(name="HTTP POST"))


async def test_context_in_the_message_stands_before_the_headers(capture: Capture) -> None:
    await _call_through(_with_headers(traceparent=REMOTE))
    server = capture.one(SERVER, "tools/call add")
    assert is_child(server, capture.one(CLIENT, "tools/call add"))
    assert not server.links


async def test_headers_are_ambient_to_those_who_want_that() -> None:
    with capturing(McpSettings(server_parent="ambient")) as capture:
        await _call_through(_with_headers(traceparent=REMOTE))
        server = capture.one(SERVER, "tools/call add")
        assert _is_remotes_child(server)
        assert [link.context.span_id for link in server.links] == [
            capture.one(CLIENT, "tools/call add").context.span_id
        ]
