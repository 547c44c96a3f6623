"""What no SDK's client would send: odd ids, odd ``_meta``, batches. A server answers as without us, once each."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from typing import Any, TextIO

import anyio
import anyio.to_thread
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing

pytestmark = pytest.mark.anyio
SERVER = SpanKind.SERVER
_QUIET_S = 0.7
_HANDSHAKE = [
    {
        "jsonrpc": "2.0",
        "id": "handshake",
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


def _say(pipe: TextIO, message: Any) -> None:
    pipe.write(json.dumps(message) + "\n")
    pipe.flush()


async def _answers(messages: list[Any]) -> list[dict[str, Any]]:
    """Have the sample server read messages off a pipe, as it does over stdio, and return all that it writes."""
    from mcp.server.stdio import stdio_server

    inner = sdk.lowlevel(sdk.make_server())
    (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
    heard: list[str] = []
    with os.fdopen(read_out) as answers:
        listener = threading.Thread(target=lambda: heard.extend(iter(answers.readline, "")))
        listener.start()
        with os.fdopen(read_in) as stdin, os.fdopen(write_out, "w") as stdout, os.fdopen(write_in, "w") as say:

            async def serve() -> None:
                async with stdio_server(anyio.wrap_file(stdin), anyio.wrap_file(stdout)) as streams:
                    await inner.run(*streams, inner.create_initialization_options())

            with anyio.fail_after(30):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(serve)
                    for number, message in enumerate([*_HANDSHAKE, *messages]):
                        # A pipe holds 64 KiB, and this loop is what empties it.
                        await anyio.to_thread.run_sync(_say, say, message)
                        while number == 0 and not heard:  # noqa: ASYNC110 - nobody announces it
                            await anyio.sleep(0.01)
                    before = -1
                    while len(heard) != before:
                        before = len(heard)
                        await anyio.sleep(_QUIET_S)
                    say.close()
        listener.join(10)
    return sorted((_without_context(json.loads(line)) for line in heard), key=repr)


def _without_context(message: dict[str, Any]) -> dict[str, Any]:
    """Take our context out of what a server sends on its own account: a log message, say."""
    params = message.get("params", {})
    if params.get("_meta", {}).keys() == {"traceparent"}:
        del params["_meta"]
    return message


async def _answered_as_bare(messages: list[Any]) -> tuple[Capture, list[dict[str, Any]]]:
    bare = await _answers(messages)
    with capturing() as capture:
        assert await _answers(messages) == bare
    answered = Counter(str(answer["id"]) for answer in bare if answer.get("id") is not None)
    spanned = Counter(str(attributes(span).get(semconv.JSONRPC_REQUEST_ID)) for span in capture.spans(SERVER))
    spanned.pop("None", None)  # notifications
    assert spanned == answered, "each request that is answered is one span"
    return capture, bare


def _call(request_id: Any, **params: Any) -> dict[str, Any]:
    arguments = {"name": "add", "arguments": {"a": 1, "b": 2}}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": {**arguments, **params}}


async def test_ids_of_every_kind() -> None:
    ids = [0, "1", "a-name", 2**40, -3, ""]
    capture, _ = await _answered_as_bare([_call(one) for one in ids])
    found = [attributes(span)[semconv.JSONRPC_REQUEST_ID] for span in capture.spans(SERVER, "tools/call add")]
    assert sorted(found) == sorted(str(one) for one in ids)
    for span in capture.spans(SERVER, "notifications/initialized"):
        assert semconv.JSONRPC_REQUEST_ID not in attributes(span)


_METAS: list[Any] = [
    [],
    5,
    "x",
    None,
    {},
    {"traceparent": 5, "baggage": ["a=b"]},
    {"traceparent": "00-zz-zz-01"},
    {"tracestate": "a" * 1_000_000},
    {"baggage": {"a": "b"}, "progressToken": None},
    {"": "", "x": {"deep": [[[[]]]]}},
]


async def test_meta_of_every_kind() -> None:
    messages: list[dict[str, Any]] = []
    for number, meta in enumerate(_METAS):
        rest = {"jsonrpc": "2.0", "params": {"_meta": meta}}
        messages += [
            _call(f"call {number}", _meta=meta),
            {**rest, "method": "notifications/roots/list_changed"},
            {**rest, "id": f"ping {number}", "method": "ping"},
            {**rest, "id": f"unknown {number}", "method": "nobody/knows"},
        ]
    _, answers = await _answered_as_bare(messages)
    assert len({answer.get("id") for answer in answers} - {None, "handshake"}) >= 3 * (len(_METAS) - 3), "all but lists"


async def test_what_does_not_validate_is_counted_once() -> None:
    broken: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"arguments": {}}},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": 7, "arguments": "none"}},
        {"jsonrpc": "2.0", "id": 3, "method": "resources/read"},
        {"jsonrpc": "2.0", "id": 4, "method": "prompts/get", "params": []},
        {"jsonrpc": "2.0", "id": 5, "method": "nobody/knows", "params": {"name": "x"}},
    ]
    capture, bare = await _answered_as_bare(broken)
    codes = {str(answer["id"]): str(answer["error"]["code"]) for answer in bare if "error" in answer}
    for span in capture.spans(SERVER):
        found = attributes(span)
        assert found.get(semconv.RPC_RESPONSE_STATUS_CODE) == codes.get(found.get(semconv.JSONRPC_REQUEST_ID, ""))
        assert semconv.ERROR_TYPE not in found, "the client's fault"
    counted = sum(
        point.count
        for point in capture.points(semconv.MCP_SERVER_OPERATION_DURATION)
        if semconv.RPC_RESPONSE_STATUS_CODE in (point.attributes or {})
    )
    assert counted == len(codes)


async def test_what_is_no_message_is_no_operation() -> None:
    """Batches, of protocol 2025-03-26, are among these: no release of the SDK takes one."""
    odd: list[Any] = [
        [_call(1), _call(2)],
        [],
        "text",
        {"jsonrpc": "1.0", "id": 3, "method": "ping"},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": 99, "result": {}},
        {"jsonrpc": "2.0", "id": 98, "error": {"code": -1, "message": "no"}},
        {"jsonrpc": "2.0", "id": 4, "method": "ping"},
    ]
    capture, _ = await _answered_as_bare(odd)
    pings = [attributes(span).get(semconv.JSONRPC_REQUEST_ID) for span in capture.spans(SERVER, "ping")]
    assert sorted(pings, key=str) == ["4", None], "the SDK takes one with a null for an id for a notification"
    assert not capture.spans(SERVER, "tools/call add")
