"""Cancelled, timed out, unreachable: each has a name of its own, at both sides, whichever of them asked."""

from __future__ import annotations

import os
import socket
import sys
from datetime import timedelta
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from tests.support import everything, sdk
from tests.support.processes import ROOT
from tests.support.telemetry import Capture, attributes

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
SHORT: Any = 0.2 if sdk.IS_V2 else timedelta(seconds=0.2)


def _error(span: ReadableSpan) -> str | None:
    found = attributes(span)
    assert semconv.RPC_RESPONSE_STATUS_CODE not in found, "nobody has answered"
    error = found.get(semconv.ERROR_TYPE)
    assert (span.status.status_code is StatusCode.ERROR) is (error is not None)
    return error


def _counted(capture: Capture, metric: str, method: str) -> list[str | None]:
    return [
        (point.attributes or {}).get(semconv.ERROR_TYPE)  # type: ignore[misc]
        for point in capture.points(metric)
        if (point.attributes or {})[semconv.MCP_METHOD_NAME] == method
    ]


async def _settled(capture: Capture, kind: SpanKind, name: str) -> ReadableSpan:
    """Wait until the other side has noticed."""
    with anyio.fail_after(10):
        while not capture.spans(kind, name):  # noqa: ASYNC110 - nobody announces it
            await anyio.sleep(0.02)
    return capture.one(kind, name)


@pytest.mark.skipif(not everything.CANCELS, reason="in mcp 1.10 a cancelled request takes the whole server down")
async def test_a_call_that_its_client_cancels_is_cancelled_at_both_sides(capture: Capture) -> None:
    async with sdk.in_memory(everything.make_server()) as session:
        await everything._cancelled_call(session)
        server = await _settled(capture, SERVER, "tools/call forever")
    if sdk.IS_V2:
        assert _error(server) == "cancelled"
        assert _error(capture.one(CLIENT, "tools/call forever")) == "cancelled"
    else:  # mcp 1.x answers it, with an error of its own
        assert attributes(server)[semconv.ERROR_TYPE] == "cancelled"


async def test_a_call_that_takes_too_long(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        with pytest.raises(Exception, match=r"(?i)timed out"):
            await session.call_tool("nap", {"seconds": 2 if sdk.IS_V2 else 0.5}, read_timeout_seconds=SHORT)
        server = await _settled(capture, SERVER, "tools/call nap")
    assert _error(capture.one(CLIENT, "tools/call nap")) == "timeout"
    assert _counted(capture, semconv.MCP_CLIENT_OPERATION_DURATION, "tools/call") == ["timeout"]
    # mcp 2.x tells the server that nobody waits any more; the servers of 1.x are not told, and finish.
    assert _error(server) == ("cancelled" if sdk.IS_V2 else None)


async def test_what_a_server_asks_for_and_does_not_get_in_time(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_context: Any) -> Any:
        await anyio.sleep(0.5)
        return sdk.mcp_types().ListRootsResult(roots=[])

    types = sdk.mcp_types()
    request = types.ListRootsRequest(method="roots/list")
    server = sdk.make_server()

    async def asks(ctx: Any) -> str:
        try:
            await ctx.session.send_request(
                request if sdk.IS_V2 else types.ServerRequest(request),
                types.ListRootsResult,
                request_read_timeout_seconds=SHORT,
            )
        except Exception as exc:
            return str(exc)
        return "got it"

    asks.__annotations__["ctx"] = sdk.context_class()
    server.tool()(asks)
    monkeypatch.setattr(sdk, "_list_roots", slow)
    async with sdk.in_memory(server) as session:
        answer = await session.call_tool("asks", {})
        assert "imed out" in answer.content[0].text
        receiver = await _settled(capture, SERVER, "roots/list")
    assert _error(capture.one(CLIENT, "roots/list")) == "timeout"
    assert _error(receiver) in ("cancelled", None)
    assert _error(capture.one(SERVER, "tools/call asks")) is None


async def test_a_server_that_is_shut_down_during_a_call(capture: Capture) -> None:
    from mcp import ClientSession
    from mcp.shared.memory import create_client_server_memory_streams

    inner = sdk.lowlevel(sdk.make_server())
    async with create_client_server_memory_streams() as (client, remote), anyio.create_task_group() as tasks:

        async def serve() -> None:
            with anyio.move_on_after(0.5):
                await inner.run(remote[0], remote[1], inner.create_initialization_options())

        tasks.start_soon(serve)
        async with ClientSession(*client) as session:
            await session.initialize()
            with pytest.raises(Exception, match=r"(?i)closed"):
                await session.call_tool("nap", {"seconds": 5})
    caller = capture.one(CLIENT, "tools/call nap")
    if sdk.VERSION >= (2, 3):  # its servers say so, in an answer, before they go
        assert attributes(caller)[semconv.RPC_RESPONSE_STATUS_CODE] == "-32000"
        assert attributes(caller)[semconv.ERROR_TYPE] == "-32000"
    else:
        assert _error(caller) == "connection_closed"
    assert _error(await _settled(capture, SERVER, "tools/call nap")) == "cancelled"


DYING = """
import os
from tests.support import sdk
server = sdk.make_server()
server.tool(name="die")(lambda: os._exit(3))
server.run("stdio")
"""


async def test_a_server_that_dies_during_a_call(capture: Capture) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    async with sdk.over_stdio(sys.executable, "-c", DYING, env=environment) as session:
        with pytest.raises(Exception, match=r"(?i)closed"), anyio.fail_after(30):
            await session.call_tool("die", {})
    assert _error(capture.one(CLIENT, "tools/call die")) == "connection_closed"


@pytest.mark.parametrize("status", [None, 401, 500])
async def test_a_server_that_cannot_be_reached(capture: Capture, status: int | None) -> None:
    """No answer of MCP's at all: nobody listens, or HTTP alone has something to say."""

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def connect(url: str) -> None:
        with anyio.move_on_after(10):
            async with sdk.over_http(url):
                pass

    if status is None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}/mcp"
        with pytest.raises(BaseException):  # noqa: B017, PT011 - in a group, or not, by the SDK's release
            await connect(url)
    else:
        with sdk.http_server(around=lambda _app: refuse) as url, pytest.raises(BaseException):  # noqa: B017, PT011
            await connect(url)
    span = capture.one(CLIENT, "initialize")
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)[semconv.ERROR_TYPE]
    assert attributes(span)[semconv.SERVER_ADDRESS] == "127.0.0.1"
