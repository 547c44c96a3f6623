"""FastMCP makes spans of its own, and so do we: one per side and message, with what both have to say."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from tests.fastmcp import sample
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER, INTERNAL = SpanKind.CLIENT, SpanKind.SERVER, SpanKind.INTERNAL
OURS = "groundhog_otel.mcp"
both_transports = pytest.mark.parametrize("transport", sample.TRANSPORTS)
with_spans = pytest.mark.skipif(not sample.HAS_SPANS, reason="FastMCP 2 makes no spans")


def pair(capture: Capture, name: str) -> tuple[ReadableSpan, ReadableSpan]:
    """Return the only client and the only server span of that name, both ours, the one below the other."""
    client, server = capture.one(CLIENT, name), capture.one(SERVER, name)
    assert is_child(server, client)
    for span in (client, server):
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.name == OURS
    return client, server


def nobody_else(capture: Capture) -> None:
    """Check that all spans of messages are ours."""
    others = [
        (span.kind, span.name, span.instrumentation_scope.name)
        for span in capture.spans()
        if span.kind is not INTERNAL and span.instrumentation_scope and span.instrumentation_scope.name != OURS
    ]
    assert others == []


def no_secret(capture: Capture) -> None:
    """Check that what a tool raised and a resource holds is said nowhere."""
    assert capture.spans()
    assert [span.name for span in capture.spans() if sdk.SECRET in span.to_json()] == []


@both_transports
async def test_each_message_is_one_span_at_each_side(capture: Capture, transport: str) -> None:
    async with sample.connected(transport, sample.make_server()) as client:
        capture.clear()
        await client.call_tool("add", {"a": 1, "b": 2})
        await client.call_tool("boom", {}, raise_on_error=False)
        await client.read_resource("memo://note")
        await client.get_prompt("greet", {"name": "you"})
        await client.list_resources()
        await client.list_resource_templates()
        await client.list_prompts()
    for name in ("tools/call add", "prompts/get greet", "resources/read"):
        for span in pair(capture, name):
            assert span.status.status_code is StatusCode.UNSET
    for name in ("resources/list", "resources/templates/list", "prompts/list"):
        pair(capture, name)
    for span in pair(capture, "tools/call boom"):
        assert span.status.status_code is StatusCode.ERROR
        assert attributes(span)[semconv.ERROR_TYPE] == "tool_error"
        assert not span.events
    nobody_else(capture)
    no_secret(capture)
    for metric in (semconv.MCP_CLIENT_OPERATION_DURATION, semconv.MCP_SERVER_OPERATION_DURATION):
        (point,) = [p for p in capture.points(metric) if (p.attributes or {}).get("gen_ai.tool.name") == "add"]
        assert point.count == 1


async def test_legacy_sse(capture: Capture) -> None:
    """On this wire FastMCP 4, too, makes a handshake."""
    async with sample.connected("sse", sample.make_server()) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
    pair(capture, "tools/call add")
    for span in pair(capture, "initialize"):
        assert semconv.MCP_PROTOCOL_VERSION in attributes(span)
    nobody_else(capture)


@with_spans
@both_transports
async def test_what_fastmcp_says_is_on_our_span(capture: Capture, transport: str) -> None:
    async with sample.connected(transport, sample.make_server()) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
        await client.read_resource("memo://note")
    at_client, at_server = (attributes(span) for span in pair(capture, "tools/call add"))
    assert at_client["fastmcp.component.key"] == "add"
    assert at_server["fastmcp.server.name"] == "main"
    assert at_server["fastmcp.component.type"] == "tool"
    assert at_server["fastmcp.component.key"] == "tool:add@"
    assert at_server["fastmcp.provider.type"] == "LocalProvider"
    assert "fastmcp.span.seam" not in at_server
    assert at_server[semconv.GEN_AI_OPERATION_NAME] == "execute_tool"
    _, reading = pair(capture, "resources/read")
    assert attributes(reading)["fastmcp.component.key"] == "resource:memo://note@"


@both_transports
async def test_a_session_id_is_the_transports_or_none(capture: Capture, transport: str) -> None:
    """FastMCP makes one up where the transport has none."""
    async with sample.connected(transport, sample.make_server()) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
        known = None if transport == "memory" else client.transport.get_session_id()
    for span in pair(capture, "tools/call add"):
        assert attributes(span).get(semconv.MCP_SESSION_ID) == known


@both_transports
async def test_an_unknown_tool_is_one_span_at_each_side(capture: Capture, transport: str) -> None:
    async with sample.connected(transport, sample.make_server()) as client:
        await client.call_tool("nope", {}, raise_on_error=False)
    pair(capture, "tools/call nope")
    nobody_else(capture)


@both_transports
async def test_a_mounted_server_is_a_step_within_the_message(capture: Capture, transport: str) -> None:
    async with sample.connected(transport, sample.make_server()) as client:
        await client.call_tool("inner_add", {"a": 1, "b": 2})
        await client.call_tool("inner_boom", {}, raise_on_error=False)
    _, server = pair(capture, "tools/call inner_add")
    pair(capture, "tools/call inner_boom")
    nobody_else(capture)
    no_secret(capture)
    if sample.HAS_SPANS:
        assert attributes(server)["fastmcp.server.name"] == "main"
        assert attributes(server)["fastmcp.delegate.original_name"] == "inner_add"
        assert is_child(capture.one(INTERNAL, "delegate inner_add"), server)
        failed = capture.one(INTERNAL, "delegate inner_boom")
        assert failed.status.status_code is StatusCode.ERROR
        assert failed.status.description is None
        assert attributes(failed)[semconv.ERROR_TYPE] == "tool_error"


@both_transports
async def test_a_proxy_is_one_trace_of_two_messages(capture: Capture, transport: str) -> None:
    backend = sample.FastMCP("backend")

    @backend.tool
    def add(a: int, b: int) -> int:
        return a + b

    async with sample.connected(transport, sample.make_proxy(backend)) as client:
        capture.clear()
        await client.call_tool("add", {"a": 1, "b": 2})
    calls = sorted(capture.spans(name="tools/call add"), key=lambda span: span.start_time or 0)
    assert [span.kind for span in calls] == [CLIENT, SERVER, CLIENT, SERVER]
    assert all(is_child(lower, upper) for upper, lower in pairwise(calls))
    nobody_else(capture)
    if sample.HAS_SPANS:
        assert attributes(calls[1])["fastmcp.server.name"].startswith("proxy")
        assert attributes(calls[2])["fastmcp.provider.type"] == "ProxyProvider"
        assert attributes(calls[3])["fastmcp.server.name"] == "backend"


@with_spans
async def test_without_a_message_fastmcps_own_span_stays(capture: Capture) -> None:
    await sample.call_in_process(sample.make_server(), "add", a=1, b=2)
    scopes = [span.instrumentation_scope.name for span in capture.spans(SERVER) if span.instrumentation_scope]
    assert scopes == ["fastmcp"]


@with_spans
async def test_a_call_in_process_is_part_of_the_message_around_it(capture: Capture) -> None:
    async with sample.connected("memory", sample.make_server()) as client:
        await client.call_tool("outer_add", {"a": 1, "b": 2})
    _, server = pair(capture, "tools/call outer_add")
    assert attributes(server)["fastmcp.component.key"] == "tool:outer_add@"
    assert capture.spans(name="tools/call add") == []


@both_transports
async def test_the_servers_middleware_runs_within_our_span(capture: Capture, transport: str) -> None:
    seen = []

    class Watching(sample.Middleware):  # type: ignore[misc] # Any
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            with capture.tracer_provider.get_tracer("application").start_as_current_span("middleware"):
                seen.append(trace.get_current_span())
                return await call_next(context)

    class Vetoing(sample.Middleware):  # type: ignore[misc] # Any
        async def on_get_prompt(self, context: Any, call_next: Any) -> Any:
            raise import_module("fastmcp.exceptions").PromptError("not now")

    server = sample.make_server()
    server.add_middleware(Watching())
    server.add_middleware(Vetoing())
    async with sample.connected(transport, server) as client:
        await client.call_tool("inner_add", {"a": 1, "b": 2})
        with pytest.raises(Exception, match="not now"):
            await client.get_prompt("greet", {"name": "you"})
    assert len(seen) == 1
    assert is_child(capture.one(INTERNAL, "middleware"), pair(capture, "tools/call inner_add")[1])
    assert pair(capture, "prompts/get greet")[0].status.status_code is StatusCode.ERROR
    nobody_else(capture)


async def test_a_server_and_a_session_of_before_are_traced_from_then_on(native: Any) -> None:
    server = sample.make_server()
    async with sample.connected("memory", server) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
        with capturing() as capture:
            native(capture)
            await client.call_tool("add", {"a": 1, "b": 2})
        pair(capture, "tools/call add")
        nobody_else(capture)
        await client.call_tool("add", {"a": 1, "b": 2})
        assert len(capture.spans(CLIENT, "tools/call add")) == 1


@with_spans
def test_uninstrumenting_puts_fastmcps_own_functions_back() -> None:
    modules = [import_module(name) for name in ("fastmcp.client.telemetry", "fastmcp.server.telemetry")]
    before = [vars(module)["get_tracer"] for module in modules]
    with capturing():
        assert all(vars(module)["get_tracer"] is not was for module, was in zip(modules, before, strict=True))
    assert all(vars(module)["get_tracer"] is was for module, was in zip(modules, before, strict=True))


@pytest.mark.skipif(sample.MAJOR < 4, reason="only FastMCP 4 has the setting")
@pytest.mark.parametrize("mode", ["propagation_only", "off"])
@both_transports
async def test_fastmcps_own_switch_keeps_its_meaning(
    capture: Capture, transport: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample.fastmcp.settings, "telemetry_mode", mode)
    server = sample.make_server()
    async with sample.connected(transport, server) as client:
        await client.call_tool("inner_add", {"a": 1, "b": 2})
    for span in pair(capture, "tools/call inner_add"):
        assert not [key for key in attributes(span) if key.startswith("fastmcp.")]
    assert capture.spans(INTERNAL) == []
    nobody_else(capture)
    capture.clear()
    await sample.call_in_process(server, "add", a=1, b=2)
    assert capture.spans() == []


@with_spans
@pytest.mark.skipif(sample.MAJOR > 3, reason="FastMCP 4 samples through the client's request only")
@pytest.mark.parametrize("fallback", [False, True], ids=["by the client", "by the server's own handler"])
async def test_sampling_is_a_step_around_the_message(capture: Capture, fallback: bool) -> None:
    def answer(*_args: Any) -> str:
        return "sampled"

    server = sample.FastMCP("main", **({"sampling_handler": answer} if fallback else {}))

    async def ask(ctx: Any) -> str:
        return str((await ctx.sample("something")).text)

    ask.__annotations__["ctx"] = import_module("fastmcp").Context
    server.tool(ask)
    async with sample.connected("memory", server, **({} if fallback else {"sampling_handler": answer})) as client:
        await client.call_tool("ask", {})
    step = capture.one(INTERNAL, "sampling create_message")
    assert is_child(step, pair(capture, "tools/call ask")[1])
    if fallback:
        assert capture.spans(name="sampling/createMessage") == []
    else:
        assert is_child(pair(capture, "sampling/createMessage")[0], step)
    nobody_else(capture)
