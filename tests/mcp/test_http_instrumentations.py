"""OpenTelemetry's own HTTP instrumentations beside ours, in the environment that `make peers` makes.

What stands in for them elsewhere (`test_http_context.py`) is a span around a request and a hook within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from tests.support import sdk
from tests.support.telemetry import Capture, is_child

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not all(find_spec("opentelemetry.instrumentation." + name) for name in ("asgi", "httpx")),
        reason="opentelemetry-instrumentation-asgi and -httpx are not installed",
    ),
]
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


@pytest.fixture
def httpx(capture: Capture) -> Iterator[None]:
    instrumentor = import_module("opentelemetry.instrumentation.httpx").HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=capture.tracer_provider, meter_provider=capture.meter_provider)
    yield
    instrumentor.uninstrument()


def _asgi(capture: Capture, app: Any) -> Any:
    middleware = import_module("opentelemetry.instrumentation.asgi").OpenTelemetryMiddleware
    return middleware(
        app,
        tracer_provider=capture.tracer_provider,
        meter_provider=capture.meter_provider,
        exclude_spans=["receive", "send"],
    )


def _parent(capture: Capture, child: ReadableSpan) -> ReadableSpan:
    (parent,) = [span for span in capture.spans() if is_child(child, span)]
    return parent


def _scope(span: ReadableSpan) -> str:
    assert span.instrumentation_scope is not None
    return span.instrumentation_scope.name.rpartition(".")[2]


@pytest.mark.usefixtures("httpx")
@pytest.mark.parametrize("transport", ["http", "stateless", "sse"])
async def test_http_lies_below_mcp_and_is_linked_from_it(capture: Capture, transport: str) -> None:
    sse = transport == "sse"
    with sdk.http_server(sse=sse, stateless=transport == "stateless", around=lambda app: _asgi(capture, app)) as url:
        async with (sdk.over_sse if sse else sdk.over_http)(url) as session:
            for _ in range(3):
                await session.call_tool("add", {"a": 1, "b": 2})
    linked = set()
    for received in capture.spans(SERVER, "tools/call add"):
        sent = _parent(capture, received)
        assert (sent.kind, sent.name, _scope(sent)) == (CLIENT, "tools/call add", "mcp")
        # Nothing of HTTP is suppressed: its header came through, and the link says which request it was.
        (link,) = received.links
        (request,) = [span for span in capture.spans() if span.context.span_id == link.context.span_id]
        assert (request.kind, _scope(request)) == (SERVER, "asgi")
        posted = _parent(capture, request)
        assert (posted.kind, _scope(posted)) == (CLIENT, "httpx")
        assert _parent(capture, posted) is sent
        linked.add(request.context.span_id)
    assert len(linked) == 3


@pytest.mark.parametrize("sse", [False, True])
async def test_a_caller_that_knows_http_only_is_the_ancestor(
    capture: Capture, monkeypatch: pytest.MonkeyPatch, sse: bool
) -> None:
    """No context in ``_meta``: the HTTP server's span, which is the caller's child, is the parent."""
    remote = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def around(app: Any) -> Any:
        inner = _asgi(capture, app)

        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope = {**scope, "headers": [*scope["headers"], (b"traceparent", remote.encode())]}
            await inner(scope, receive, send)

        return asgi

    monkeypatch.setattr("opentelemetry.propagate.inject", lambda *args, **kwargs: None)
    with sdk.http_server(sse=sse, around=around) as url:
        async with (sdk.over_sse if sse else sdk.over_http)(url) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
    request = _parent(capture, capture.one(SERVER, "tools/call add"))
    assert _scope(request) == "asgi"
    assert request.parent is not None
    assert f"{request.parent.trace_id:032x}-{request.parent.span_id:016x}" in remote
