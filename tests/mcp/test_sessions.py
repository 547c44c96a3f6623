"""How long sessions last, where there are sessions; and what has begun before us, or goes on after us."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.mcp.instrumentor import _hooks
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.settings import McpSettings
from tests.support import everything, sdk
from tests.support.telemetry import Capture, attributes, capturing, is_child

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
METRICS = (semconv.MCP_CLIENT_SESSION_DURATION, semconv.MCP_SERVER_SESSION_DURATION)


@pytest.mark.parametrize("transport", ["memory", "http", "sse"])
async def test_a_session_is_measured_at_both_sides(capture: Capture, transport: str) -> None:
    if transport == "memory":
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.send_ping()
    else:
        with sdk.http_server(sse=transport == "sse") as url:
            async with (sdk.over_sse if transport == "sse" else sdk.over_http)(url) as session:
                await session.send_ping()
    for metric in METRICS:
        (point,) = capture.points(metric)
        assert point.count == 1
        assert tuple(point.explicit_bounds) == semconv.MCP_DURATION_BUCKETS_S
        handshake = capture.one(CLIENT if metric == semconv.MCP_CLIENT_SESSION_DURATION else SERVER, "initialize")
        (exemplar,) = point.exemplars
        assert (exemplar.trace_id, exemplar.span_id) == (handshake.context.trace_id, handshake.context.span_id)
        found: dict[str, Any] = dict(point.attributes or {})
        assert found.pop(semconv.MCP_PROTOCOL_VERSION) >= "2025"
        if transport != "memory":
            assert found.pop(semconv.NETWORK_TRANSPORT) == "tcp"
            assert found.pop(semconv.NETWORK_PROTOCOL_NAME) == "http"
            assert found.pop(semconv.NETWORK_PROTOCOL_VERSION) == "1.1"
            if metric == semconv.MCP_CLIENT_SESSION_DURATION:
                assert found.pop(semconv.SERVER_ADDRESS) == "127.0.0.1"
                assert isinstance(found.pop(semconv.SERVER_PORT), int)
        assert found == {}


async def test_a_stateless_server_has_no_sessions(capture: Capture) -> None:
    with sdk.http_server(stateless=True) as url:
        async with sdk.over_http(url) as session:
            await session.send_ping()
    assert [capture.points(metric) for metric in METRICS] == [[], []]


async def test_a_session_that_an_error_ends_says_so(capture: Capture) -> None:
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - in a group, or not, by the SDK's release
        async with sdk.in_memory(sdk.make_server()):
            raise KeyError("lost")
    assert "lost" in repr(raised.value)
    (point,) = capture.points(semconv.MCP_CLIENT_SESSION_DURATION)
    assert (point.attributes or {})[semconv.ERROR_TYPE] == "KeyError"


async def test_a_cancelled_session_is_no_error(capture: Capture) -> None:
    with anyio.CancelScope() as scope:
        async with sdk.in_memory(sdk.make_server()):
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    (point,) = capture.points(semconv.MCP_CLIENT_SESSION_DURATION)
    assert semconv.ERROR_TYPE not in (point.attributes or {})


async def test_a_session_older_than_us_is_watched_from_now_on() -> None:
    async with sdk.in_memory(everything.make_server(), **everything.callbacks()) as session:
        await session.send_ping()
        with capturing() as capture:
            await session.call_tool("everything", {}, progress_callback=_ignore)
            await anyio.sleep(0.1)
            await _refused(session)
        await session.send_ping()
    expected = {"tools/call everything", "nobody/knows", *everything.AT_THE_CLIENT}
    for kind in (CLIENT, SERVER):
        assert {span.name for span in capture.spans(kind)} - {"tools/list"} == expected
    for client in capture.spans(CLIENT):
        assert [span.name for span in capture.spans(SERVER) if is_child(span, client)] == [client.name]
    assert [capture.points(metric) for metric in METRICS] == [[], []]


@pytest.mark.parametrize("transport", ["http", "sse"])
async def test_an_http_server_and_its_session_older_than_us_are_watched_from_now_on(transport: str) -> None:
    connect = sdk.over_sse if transport == "sse" else sdk.over_http
    with sdk.http_server(make=everything.make_server, sse=transport == "sse") as url:
        async with connect(url, **everything.callbacks()) as session:
            await session.send_ping()
            with capturing() as capture:
                await session.call_tool("everything", {}, progress_callback=_ignore)
                await anyio.sleep(0.3)
            await session.send_ping()
    for kind in (CLIENT, SERVER):
        names = {span.name for span in capture.spans(kind)} - {"tools/list"}
        assert names == {"tools/call everything", *everything.AT_THE_CLIENT}
    for client in capture.spans(CLIENT):
        assert [span.name for span in capture.spans(SERVER) if is_child(span, client)] == [client.name]


async def _ignore(progress: float, total: float | None, message: str | None) -> None: ...


async def _refused(session: Any) -> None:
    """Send a request that is not the protocol's."""
    types = sdk.mcp_types()
    request = types.PingRequest(method="ping")
    object.__setattr__(request, "method", "nobody/knows")
    request = request if sdk.IS_V2 else types.ClientRequest(request)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's, of the method
        with pytest.raises(Exception, match=r"Invalid request parameters|Method not found"):
            await session.send_request(request, types.EmptyResult)


async def test_an_unknown_method_is_seen_once_at_each_side_and_is_the_clients_fault(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await _refused(session)
    client, server = capture.one(CLIENT, "nobody/knows"), capture.one(SERVER, "nobody/knows")
    assert is_child(server, client)
    code = "-32601" if sdk.IS_V2 else "-32602"
    assert attributes(client)[semconv.ERROR_TYPE] == code
    assert semconv.ERROR_TYPE not in attributes(server)
    assert attributes(server)[semconv.RPC_RESPONSE_STATUS_CODE] == code
    assert attributes(client)[semconv.JSONRPC_REQUEST_ID] == attributes(server)[semconv.JSONRPC_REQUEST_ID]
    for metric in (semconv.MCP_CLIENT_OPERATION_DURATION, semconv.MCP_SERVER_OPERATION_DURATION):
        methods = [(point.attributes or {})[semconv.MCP_METHOD_NAME] for point in capture.points(metric)]
        assert methods.count("_OTHER") == 1
        assert "nobody/knows" not in methods


async def test_a_session_that_outlives_us_is_watched_no_more() -> None:
    with capturing() as capture:
        async with sdk.in_memory(everything.make_server(), **everything.callbacks()) as session:
            await session.send_ping()
            before = len(capture.spans())
            from groundhog_otel.mcp import McpInstrumentor

            McpInstrumentor().uninstrument()
            await session.call_tool("everything", {}, progress_callback=_ignore)
            await anyio.sleep(0.1)
    assert len([span for span in capture.spans() if span.instrumentation_scope]) == before


def test_every_function_imported_by_name_before_us_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = [
        hook for hook in _hooks(Telemetry(McpSettings())) if hook.module.startswith("mcp.") and "." not in hook.path
    ]
    importer = ModuleType("a_program")
    originals = {}
    for hook in hooks:
        original = vars(import_module(hook.module)).get(hook.path)
        if original is not None and original.__module__ == hook.module:
            originals[hook.path] = original
            setattr(importer, hook.path, original)
    assert {"stdio_client", "sse_client", "stdio_server"} <= set(originals)
    monkeypatch.setitem(sys.modules, "a_program", importer)
    with capturing():
        for name, original in originals.items():
            assert vars(importer)[name] is not original, name
    assert {name: vars(importer)[name] for name in originals} == originals


def test_functions_imported_by_name_before_us_are_covered() -> None:
    code = f"""
from mcp.client.stdio import stdio_client
from mcp import ClientSession, StdioServerParameters
import sys, anyio
from tests.support.telemetry import capturing, attributes
from opentelemetry.trace import SpanKind

original = stdio_client
async def main():
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "tests.support.sdk"])
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()

with capturing() as capture:
    anyio.run(main)
assert attributes(capture.one(SpanKind.CLIENT, "initialize"))["network.transport"] == "pipe"
assert stdio_client is original, "put back"
assert {sdk.IS_V2} in (True, False)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
