"""mcp 1.x: a message validated with one member of the union is the message validated with all of them."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import sdk
from tests.support.telemetry import capturing

if sdk.IS_V2:
    pytest.skip("mcp 2.x validates by method itself", allow_module_level=True)

from groundhog_otel.mcp.sdk_v1 import union

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CLASSES = ("ClientRequest", "ClientNotification", "ServerRequest", "ServerNotification")
_URI = {"uri": "memo://note"}
_PERSON = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
_TASK = {"taskId": "1", "status": "working", "createdAt": "2026-01-01T00:00:00Z", "ttl": None}
GOOD: dict[str, dict[str, Any]] = {
    "initialize": _PERSON,
    "tools/call": {"name": "add", "arguments": {"a": 1, "b": [None, {"c": 1.5}]}},
    "prompts/get": {"name": "greet", "arguments": {"name": "you"}},
    "resources/read": _URI,
    "resources/subscribe": _URI,
    "resources/unsubscribe": _URI,
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "a"}, "argument": {"name": "a", "value": "b"}},
    "logging/setLevel": {"level": "info"},
    "tasks/get": {"taskId": "1"},
    "tasks/result": {"taskId": "1"},
    "tasks/cancel": {"taskId": "1"},
    "sampling/createMessage": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "?"}}],
        "maxTokens": 10,
    },
    "elicitation/create": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}},
    "notifications/cancelled": {"requestId": 1, "reason": "no"},
    "notifications/progress": {"progressToken": "a", "progress": 1, "total": 2.5},
    "notifications/message": {"level": "info", "data": {"a": [1]}},
    "notifications/resources/updated": _URI,
    "notifications/elicitation/complete": {"elicitationId": "1"},
    "notifications/tasks/status": {**_TASK, "lastUpdatedAt": "2026-01-01T00:00:00Z"},
}
"""Valid parameters, of the methods that need some."""

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)
_METAS = st.fixed_dictionaries(
    {},
    optional={
        "traceparent": st.just(TRACEPARENT) | _JSON,
        "tracestate": st.just("a=1"),
        "baggage": st.just("user=1"),
        "progressToken": st.integers() | st.text(max_size=5) | _JSON,
        "x": _JSON,
    },
)


def _models(name: str) -> tuple[Any, list[str]]:
    cls = getattr(sdk.mcp_types(), name)
    return cls, sorted(union._members(cls, cls.__pydantic_validator__)[1])


@st.composite
def _messages(draw: st.DrawFn, methods: list[str]) -> dict[str, Any]:
    """Draw a message as the receive loop hands it over: mostly one that is right, or nearly so."""
    method = draw(st.sampled_from(methods) | st.sampled_from([*GOOD, "ping", "tools/list", "unknown", ""]))
    message: dict[str, Any] = {"method": method, "jsonrpc": "2.0", "id": 1}
    params: Any = dict(GOOD.get(method, {}))
    if draw(st.booleans()):
        params["_meta"] = draw(_METAS | _JSON)
    if draw(st.booleans()):
        params[draw(st.sampled_from([*params, "cursor", "task", "extra"]))] = draw(_JSON)
    if params and draw(st.integers(0, 5)) == 0:
        del params[draw(st.sampled_from([*params]))]
    if params or draw(st.booleans()):
        message["params"] = params if draw(st.integers(0, 9)) else draw(_JSON)
    return message


def _told(model: Any) -> Any:
    """Return all that can be told of a model, to its last member."""
    if hasattr(model, "model_fields_set"):
        return (
            type(model),
            sorted(model.model_fields_set),
            [(key, _told(value)) for key, value in vars(model).items()],
            _told(model.__pydantic_extra__),
            _told(model.__pydantic_private__),
        )
    if isinstance(model, dict):
        return [(key, _told(value)) for key, value in model.items()]
    return [_told(one) for one in model] if isinstance(model, list) else (type(model), repr(model))


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_of_the_sdk_goes_the_short_way(name: str) -> None:
    cls, methods = _models(name)
    assert len(methods) >= 4
    for method in methods:
        message = {"method": method, "jsonrpc": "2.0", "id": 1, "params": {**GOOD.get(method, {}), "_meta": {"x": 1}}}
        found = union.validated(cls, message)
        assert _told(found) == _told(cls.model_validate(message))


@pytest.mark.parametrize("name", CLASSES)
@given(data=st.data())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_one_member_finds_what_the_union_finds(name: str, data: st.DataObject) -> None:
    cls, methods = _models(name)
    message = data.draw(_messages(methods))
    before = repr(message)
    found = union.validated(cls, message)
    assert repr(message) == before
    try:
        expected = cls.model_validate(message)
    except ValueError:
        assert found is None
        return
    assert _told(found) == _told(expected)
    assert found == expected
    assert found.model_dump(by_alias=True, mode="json", exclude_unset=True) == expected.model_dump(
        by_alias=True, mode="json", exclude_unset=True
    )


def test_what_is_not_the_sdks_own_is_left_alone() -> None:
    from pydantic import BaseModel, RootModel, field_validator

    types = sdk.mcp_types()

    class Extended(RootModel[types.PingRequest | types.CallToolRequest]):  # type: ignore[name-defined]
        pass

    class Overriding(BaseModel):
        method: str

        @field_validator("method")
        @classmethod
        def _any(cls, _value: str) -> str:
            return "ping"

    assert union.validated(Extended, {"method": "ping"}) is None
    assert union.validated(Overriding, {"method": "ping"}) is None
    assert union.validated(types.ClientRequest, {"method": ["ping"]}) is None
    assert union.validated(types.ClientRequest, "ping") is None


def test_a_rebuilt_union_is_looked_at_anew() -> None:
    types = sdk.mcp_types()
    cls = types.ClientRequest
    assert union.validated(cls, {"method": "ping"}) is not None
    field, kept = cls.model_fields["root"], cls.model_fields["root"].annotation
    try:
        field.annotation = types.CallToolRequest | types.ListToolsRequest
        cls.model_rebuild(force=True)
        assert union.validated(cls, {"method": "ping"}) is None
    finally:
        field.annotation = kept
        cls.model_rebuild(force=True)
    assert union.validated(cls, {"method": "ping"}) is not None


async def _answers(*params: dict[str, Any]) -> list[Any]:
    """Return what a server answers to calls from a peer that nobody watches, and what its handler saw of them."""
    from mcp.shared.memory import create_client_server_memory_streams
    from mcp.shared.message import SessionMessage

    types = sdk.mcp_types()
    server = import_module("mcp.server.lowlevel.server").Server("sample")

    async def tool(request: Any) -> Any:
        meta = server.request_context.meta
        seen = repr((_told(request), None if meta is None else (_told(meta), meta.model_extra)))
        return types.ServerResult(types.CallToolResult(content=[types.TextContent(type="text", text=seen)]))

    server.request_handlers[types.CallToolRequest] = tool
    found = []
    async with create_client_server_memory_streams() as (peer, remote), anyio.create_task_group() as tasks:
        tasks.start_soon(server.run, *remote, server.create_initialization_options())
        incoming, outgoing = peer

        async def send(message: dict[str, Any]) -> None:
            await outgoing.send(SessionMessage(types.JSONRPCMessage.model_validate({"jsonrpc": "2.0", **message})))

        await send({"id": 0, "method": "initialize", "params": _PERSON})
        await incoming.receive()
        await send({"method": "notifications/initialized"})
        for number, one in enumerate(params, 1):
            await send({"id": number, "method": "tools/call", "params": one})
            answer: Any = await incoming.receive()
            found.append(answer.message.model_dump(by_alias=True, mode="json"))
        tasks.cancel_scope.cancel()
    return found


@given(metas=st.lists(_METAS | _JSON, min_size=1, max_size=5))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_a_handler_sees_what_it_sees_without_us(metas: list[Any]) -> None:
    params = [
        *({"name": "add", "arguments": {"a": 1}, "_meta": meta} for meta in metas),
        {"name": "add", "_meta": {"traceparent": TRACEPARENT, "progressToken": 7}},
        {"name": "add"},
        {"arguments": {}},
    ]
    seen = []
    for watched in (nullcontext(), capturing()):
        with watched:
            seen.append(asyncio.run(_answers(*params)))
    assert seen[0] == seen[1]
