"""An event stream that breaks off during a call and is resumed: each message is one span at each side all the same."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from tests.suites.conformance.events import EventStore
from tests.support import sdk
from tests.support.telemetry import Capture, is_child

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not hasattr(sdk.context_class(), "close_sse_stream"), reason="this release's servers do not end streams early"
    ),
]
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


def _make(**settings: Any) -> Any:
    resumable = {"event_store": EventStore(), "retry_interval": 50}
    server = sdk.make_server(**({} if sdk.IS_V2 else resumable), **settings)

    async def interrupted(ctx: Any) -> str:
        await ctx.report_progress(1, 2)
        await ctx.close_sse_stream()
        await anyio.sleep(0.3)
        await ctx.report_progress(2, 2)
        return "done"

    interrupted.__annotations__["ctx"] = sdk.context_class()
    server.tool()(interrupted)
    if sdk.IS_V2:
        server.streamable_http_app = partial(server.streamable_http_app, **resumable)
    return server


async def test_a_resumed_stream_brings_each_message_once(capture: Capture) -> None:
    progress = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    streams: list[str] = []

    def around(app: Any) -> Any:
        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                streams.extend(name.decode() for name, _ in scope["headers"] if name == b"last-event-id")
            await app(scope, receive, send)

        return asgi

    with sdk.http_server(make=_make, around=around) as url:
        async with sdk.over_http(url) as session:
            with anyio.fail_after(30):
                result = await session.call_tool("interrupted", {}, progress_callback=note)
    assert result.content[0].text == "done"
    assert progress == [1, 2]
    assert streams, "the stream was not resumed"
    client, server = capture.one(CLIENT, "tools/call interrupted"), capture.one(SERVER, "tools/call interrupted")
    assert is_child(server, client)
    assert StatusCode.ERROR not in (client.status.status_code, server.status.status_code)
    sent = capture.spans(CLIENT, "notifications/progress")
    received = capture.spans(SERVER, "notifications/progress")
    assert len(sent) == len(received) == 2
    assert {span.parent and span.parent.span_id for span in received} == {span.context.span_id for span in sent}
