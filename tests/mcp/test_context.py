"""Context: whose child a span is, what travels with a message, and what must not leak into the next one."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, capturing, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


def _server() -> Any:
    server = sdk.make_server()

    @server.tool()
    async def seen() -> str:
        return ",".join(f"{key}={value}" for key, value in sorted(baggage.get_all().items()))

    @server.tool()
    async def spawns() -> str:
        tracer = trace.get_tracer("application")

        async def work() -> None:
            with tracer.start_as_current_span("spawned"):
                await asyncio.sleep(0)

        def blocking() -> None:
            with tracer.start_as_current_span("in a thread"):
                pass

        await asyncio.create_task(work())
        await anyio.to_thread.run_sync(blocking)
        return "done"

    return server


def _text(result: Any) -> str:
    return str(result.content[0].text)


@pytest.mark.parametrize("transport", ["memory", "http", "sse"])
async def test_fifty_tenants_at_once_see_their_own_baggage_and_trace(capture: Capture, transport: str) -> None:
    """On two sessions of one server, each shared by half of them."""

    async def tenant(session: Any, name: str) -> None:
        token = context.attach(baggage.set_baggage("tenant", name))
        try:
            for _ in range(2):
                assert _text(await session.call_tool("seen", {})) == f"tenant={name}"
        finally:
            context.detach(token)

    async def all_tenants(*sessions: Any) -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(tenant, sessions[number % 2], f"t{number}")
        for session in sessions:
            assert _text(await session.call_tool("seen", {})) == ""

    if transport == "memory":
        server = _server()
        async with sdk.in_memory(server) as one, sdk.in_memory(server) as other:
            await all_tenants(one, other)
    else:
        connect = sdk.over_sse if transport == "sse" else sdk.over_http
        with sdk.http_server(make=lambda **_: _server(), sse=transport == "sse") as url:
            async with connect(url) as one, connect(url) as other:
                await all_tenants(one, other)
    clients, servers = capture.spans(CLIENT, "tools/call seen"), capture.spans(SERVER, "tools/call seen")
    assert len(clients) == len(servers) == 102
    assert len({client.context.trace_id for client in clients}) == 102
    parents = {span.parent and (span.context.trace_id, span.parent.span_id) for span in servers}
    assert parents == {(client.context.trace_id, client.context.span_id) for client in clients}


async def test_spawned_tasks_and_threads_of_a_tool_are_its_children(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "get_tracer", capture.tracer_provider.get_tracer)
    async with sdk.in_memory(_server()) as session:
        await session.call_tool("spawns", {})
    server = capture.one(SERVER, "tools/call spawns")
    for name in ("spawned", "in a thread"):
        assert is_child(capture.one(SpanKind.INTERNAL, name), server)


async def test_a_large_body_keeps_its_parent(capture: Capture) -> None:
    with sdk.http_server() as url:
        async with sdk.over_http(url) as session:
            await session.get_prompt("greet", {"name": "x" * 1_000_000})
    assert is_child(capture.one(SERVER, "prompts/get greet"), capture.one(CLIENT, "prompts/get greet"))


@pytest.mark.parametrize("transport", ["memory", "http"])
async def test_a_disabled_sdk_makes_nothing_and_passes_on_what_came(
    monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    reader = InMemoryMetricReader()
    remote = trace.SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=trace.TraceFlags(1))
    came = trace.set_span_in_context(trace.NonRecordingSpan(remote), baggage.set_baggage("tenant", "t1", Context()))
    found = []

    def make() -> Any:
        server = _server()

        @server.tool()
        async def caller() -> str:
            found.append(trace.get_current_span().get_span_context())
            return ""

        return server

    async def calls(session: Any) -> None:
        token = context.attach(came)
        assert _text(await session.call_tool("seen", {})) == "tenant=t1"
        await session.call_tool("caller", {})
        context.detach(token)
        assert _text(await session.call_tool("seen", {})) == ""

    instrumentor = McpInstrumentor()
    instrumentor.instrument(tracer_provider=TracerProvider(), meter_provider=MeterProvider([reader]))
    try:
        if transport == "memory":
            async with sdk.in_memory(make()) as session:
                await calls(session)
        else:
            with sdk.http_server(make=lambda **_: make()) as url:
                async with sdk.over_http(url) as session:
                    await calls(session)
    finally:
        instrumentor.uninstrument()
    assert [(one.trace_id, one.span_id) for one in found] == [(0xABC, 0xDEF)]
    assert reader.get_metrics_data() is None
    assert not IN_FLIGHT


async def test_nothing_of_one_request_is_current_in_the_next(capture: Capture) -> None:
    """One long-lived session: a call without any context around it is the root of a trace of its own."""
    tracer = capture.tracer_provider.get_tracer("application")
    with sdk.http_server(around=_http_spans(capture)) as url:
        async with sdk.over_http(url) as session:
            for turn in range(3):
                with tracer.start_as_current_span(f"turn {turn}"):
                    await session.call_tool("add", {"a": turn, "b": 2})
            await session.call_tool("add", {"a": 1, "b": 2})
    clients = capture.spans(CLIENT, "tools/call add")
    assert [client.parent is None for client in clients] == [False, False, False, True]
    assert len({client.context.trace_id for client in clients}) == 4
    for client in clients:
        assert len([s for s in capture.spans(SERVER, "tools/call add") if is_child(s, client)]) == 1


def _http_spans(capture: Capture) -> Callable[[Any], Any]:
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


async def test_the_ambient_span_may_be_the_parent() -> None:
    with capturing(McpSettings(server_parent="ambient")) as capture:
        with sdk.http_server(around=_http_spans(capture)) as url:
            async with sdk.over_http(url) as session:
                await session.call_tool("add", {"a": 1, "b": 2})
        server, client = capture.one(SERVER, "tools/call add"), capture.one(CLIENT, "tools/call add")
        assert any(is_child(server, post) for post in capture.spans(name="HTTP POST"))
        (link,) = server.links
        assert link.context.span_id == client.context.span_id


async def test_legacy_sse_posts_within_the_client_span_and_links_the_servers(capture: Capture) -> None:
    within: list[int] = []

    def factory(**kwargs: Any) -> Any:
        module = __import__("httpx2" if sdk.IS_V2 else "httpx")
        client = module.AsyncClient(**{key: value for key, value in kwargs.items() if value is not None})

        async def hook(request: Any) -> None:
            within.append(trace.get_current_span().get_span_context().span_id)

        client.event_hooks = {"request": [hook]}
        return client

    with sdk.http_server(sse=True, around=_http_spans(capture)) as url:
        async with sdk.over_sse(url, httpx_client_factory=factory) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            await session.send_ping()
    posts = {span.context.span_id for span in capture.spans(name="HTTP POST")}
    for name in ("initialize", "tools/call add", "ping"):
        client, server = capture.one(CLIENT, name), capture.one(SERVER, name)
        assert client.context.span_id in within, name
        assert is_child(server, client)
        assert [link.context.span_id in posts for link in server.links] == [True]


_ENDS = ["cancelled", "session closed", "garbage collected"]


@pytest.mark.parametrize("end", _ENDS[:2] if sdk.IS_V2 else _ENDS)  # 2.x itself fails when a call is collected
def test_no_end_of_a_call_leaves_a_context_behind(caplog: pytest.LogCaptureFixture, end: str) -> None:
    async def main() -> None:
        if end == "garbage collected":
            async with sdk.in_memory(sdk.make_server()) as session:
                call = session.call_tool("nap", {"seconds": 5})
                task = asyncio.ensure_future(_first_step(call))
                await task
                del call, task
                gc.collect()
                await asyncio.sleep(0.01)
            return
        async with sdk.in_memory(sdk.make_server()) as session:
            task = asyncio.ensure_future(session.call_tool("nap", {"seconds": 5}))
            await asyncio.sleep(0.05)
            if end == "cancelled":
                task.cancel()
        with pytest.raises(BaseException):  # noqa: B017, PT011 - cancelled, or told that the connection is closed
            await asyncio.wait_for(task, 5)
        assert trace.get_current_span() is trace.INVALID_SPAN

    with capturing(), caplog.at_level(logging.DEBUG, "opentelemetry.context"):
        asyncio.run(main())
    assert not [record for record in caplog.records if record.name == "opentelemetry.context"]


async def _first_step(call: Any) -> None:
    """Begin a coroutine in one task and leave it to be thrown away elsewhere."""
    call.send(None)
