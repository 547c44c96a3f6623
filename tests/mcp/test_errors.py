"""The error rules of the conventions, at both sides, and what of an error may be told."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from groundhog_otel.mcp import outcome
from tests.support import sdk
from tests.support.telemetry import Capture, attributes

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
_ERROR_KEYS = (semconv.ERROR_TYPE, semconv.RPC_RESPONSE_STATUS_CODE)


def _errors(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in _ERROR_KEYS if key in found}


def _metric_errors(capture: Capture, metric: str, method: str) -> list[dict[str, Any]]:
    points = [dict(point.attributes or {}) for point in capture.points(metric)]
    return [_errors(found) for found in points if found[semconv.MCP_METHOD_NAME] == method]


async def test_tool_error_is_an_error_at_both_sides(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        result = await session.call_tool("boom", {})
    assert result.model_dump(by_alias=True)["isError"] is True
    for kind in (CLIENT, SERVER):
        span = capture.one(kind, "tools/call boom")
        assert span.status.status_code is StatusCode.ERROR
        assert _errors(attributes(span)) == {semconv.ERROR_TYPE: "tool_error"}
        assert not span.events


async def test_unknown_method_is_the_clients_fault(capture: Capture) -> None:
    """The sample server has no completion handler: JSON-RPC -32601, an error at the client, none at the server."""
    async with sdk.in_memory(sdk.make_server()) as session:
        with pytest.raises(Exception, match="Method not found"):
            await session.send_request(*_completion_request())
    client, server = capture.one(CLIENT, "completion/complete"), capture.one(SERVER, "completion/complete")
    assert client.status.status_code is StatusCode.ERROR
    assert client.status.description == "Method not found"
    assert _errors(attributes(client)) == {semconv.ERROR_TYPE: "-32601", semconv.RPC_RESPONSE_STATUS_CODE: "-32601"}
    assert server.status.status_code is StatusCode.UNSET
    assert _errors(attributes(server)) == {semconv.RPC_RESPONSE_STATUS_CODE: "-32601"}
    assert _metric_errors(capture, semconv.MCP_SERVER_OPERATION_DURATION, "completion/complete") == [
        {semconv.RPC_RESPONSE_STATUS_CODE: "-32601"}
    ]


def _completion_request() -> tuple[Any, Any]:
    types = sdk.mcp_types()
    request = types.CompleteRequest(
        method="completion/complete",
        params=types.CompleteRequestParams(
            ref=types.PromptReference(type="ref/prompt", name="greet"),
            argument=types.CompletionArgument(name="name", value="x"),
        ),
    )
    return (request if sdk.IS_V2 else types.ClientRequest(request)), types.CompleteResult


async def test_both_sides_agree_on_the_code_of_a_crashed_handler(capture: Capture) -> None:
    server = sdk.make_server()

    @server.resource("memo://broken")
    def broken() -> str:
        raise RuntimeError(sdk.SECRET)

    async with sdk.in_memory(server) as session:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            await session.read_resource(sdk.uri("memo://broken"))
    code = str(caught.value.error.code)  # type: ignore[attr-defined]
    client, remote = capture.one(CLIENT, "resources/read"), capture.one(SERVER, "resources/read")
    for span in (client, remote):
        assert attributes(span)[semconv.RPC_RESPONSE_STATUS_CODE] == code
        assert span.status.status_code is StatusCode.ERROR
        assert semconv.ERROR_TYPE in attributes(span)


async def test_timeout_is_told_apart(capture: Capture) -> None:
    from datetime import timedelta

    limit: Any = 0.05 if sdk.IS_V2 else timedelta(seconds=0.05)
    async with sdk.in_memory(sdk.make_server()) as session:
        with pytest.raises(Exception, match=r"(?i)timed out"):
            await session.call_tool("nap", {"seconds": 5}, read_timeout_seconds=limit)
    span = capture.one(CLIENT, "tools/call nap")
    assert _errors(attributes(span)) == {semconv.ERROR_TYPE: "timeout"}
    assert span.status.status_code is StatusCode.ERROR


async def test_cancellation_is_told_apart_and_passes_through(capture: Capture) -> None:
    import anyio

    async with sdk.in_memory(sdk.make_server()) as session:
        with anyio.move_on_after(0.05) as scope:
            await session.call_tool("nap", {"seconds": 5})
        assert scope.cancelled_caught
        await session.send_ping()  # the session is still good
    assert _errors(attributes(capture.one(CLIENT, "tools/call nap"))) == {semconv.ERROR_TYPE: "cancelled"}


async def test_no_payload_anywhere(capture: Capture) -> None:
    server = sdk.make_server()
    async with sdk.in_memory(server) as session:
        await session.call_tool("boom", {"why": sdk.SECRET})
        await session.get_prompt("greet", {"name": sdk.SECRET})
        await session.read_resource(sdk.uri("memo://note"))
        with pytest.raises(Exception):  # noqa: B017, PT011
            await session.read_resource(sdk.uri(f"memo://user:{sdk.SECRET}@host/x?token={sdk.SECRET}"))
        with pytest.raises(Exception):  # noqa: B017, PT011
            await session.get_prompt("greet", {"wrong": sdk.SECRET})
    for span in capture.spans():
        assert sdk.SECRET not in span.to_json(), span.name
    assert sdk.SECRET not in capture.metrics.to_json()


@pytest.mark.parametrize("code", [-32700, -32600, -32601, -32602, -32002])
async def test_codes_that_are_the_clients_fault(code: int) -> None:
    assert outcome.server_error(code) == outcome.Outcome(None, str(code))
    assert outcome.client_error(code).error_type == str(code)


@pytest.mark.parametrize("code", [-32603, -32000, 0, 42])
async def test_codes_that_are_the_servers_fault(code: int) -> None:
    assert outcome.server_error(code).error_type == str(code)
    assert outcome.client_error(code).error_type == str(code)
