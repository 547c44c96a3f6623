"""Detail on request: sizes as they are on the wire, digests that tell nothing, times to live."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.mcp.detail import Detail
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
SIZE, ANSWER, DIGEST = semconv.REQUEST_SIZE, semconv.RESPONSE_SIZE, semconv.REQUEST_DIGEST
ALL = {SIZE, ANSWER, DIGEST, semconv.CPU_TIME, semconv.RESULT_TTL}
DETAILED = McpSettings(detail=True)

_OFF = """
import asyncio, sys
from groundhog_otel.mcp.inflight import AROUND
from tests.support import sdk
from tests.support.telemetry import capturing

async def main():
    with capturing():
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            print(AROUND, [name for name in ("detail", "cpu_time") if f"groundhog_otel.mcp.{name}" in sys.modules])

asyncio.run(main())
"""


def test_nobody_who_has_not_asked_for_it_loads_it() -> None:
    done = subprocess.run([sys.executable, "-c", _OFF], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout.strip() == "[] []"


async def _calls(settings: McpSettings, *calls: tuple[str, dict[str, Any]]) -> Capture:
    with capturing(settings) as capture:
        async with sdk.in_memory(sdk.make_server()) as session:
            for tool, arguments in calls:
                await session.call_tool(tool, arguments)
    return capture


async def test_nothing_without_asking() -> None:
    capture = await _calls(McpSettings(), ("add", {"a": 1, "b": 2}))
    assert not [span for span in capture.spans() if ALL & set(attributes(span))]


async def test_requests_have_it_at_both_sides_and_notifications_do_not() -> None:
    capture = await _calls(DETAILED, ("add", {"a": 1, "b": 2}), ("boom", {}))
    for span in capture.spans():
        found = ALL & set(attributes(span))
        if span.name.startswith("notifications/"):
            assert not found
        else:
            assert found == {SIZE, ANSWER, DIGEST} | ({semconv.CPU_TIME} if span.kind is SERVER else set()), span.name


def _post(url: str, message: dict[str, Any]) -> str:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as response:
            return str(response.read(), "utf-8")
    except urllib.error.HTTPError as moved:  # mcp 1.10 wants a slash at the end
        with moved:
            if moved.code != 307:
                raise
            return _post(moved.headers["location"], message)


def test_sizes_are_those_on_the_wire() -> None:
    # The SDK's own arrangement of keys is not ours, but the bytes are as many.
    params = {"arguments": {"name": "Zoë ✓", "none": None}, "name": "greet"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params}
    broken = {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": "memo://nope"}}
    del params["arguments"]["none"]  # type: ignore[attr-defined]
    with capturing(DETAILED) as capture, sdk.http_server(stateless=True, json_response=True) as url:
        answer = _post(url, request)
        assert "error" in json.loads(_post(url, broken))
    found = attributes(capture.one(SERVER, "prompts/get greet"))
    assert "Zoë ✓" in answer
    around = len('{"jsonrpc":"2.0","id":1,"result":}')
    assert found[ANSWER] == len(answer.encode()) - around
    assert found[SIZE] == len(json.dumps(params, ensure_ascii=False, separators=(",", ":")).encode())
    refused = attributes(capture.one(SERVER, "resources/read"))
    assert SIZE in refused
    assert ANSWER not in refused


async def _progress(*_args: Any) -> None:
    """Hear of progress; what matters is that one asks for it: it puts a token into ``_meta``."""


async def test_a_digest_is_that_of_the_parameters_whatever_their_order_and_meta() -> None:
    with capturing(DETAILED) as capture:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            await session.call_tool("add", {"b": 2, "a": 1}, progress_callback=_progress)
            await session.call_tool("add", {"a": 2, "b": 1})
            await session.send_ping()
            await session.list_prompts()
    sent = [attributes(one)[DIGEST] for one in capture.spans(CLIENT, "tools/call add")]
    received = [attributes(one)[DIGEST] for one in capture.spans(SERVER, "tools/call add")]
    assert sent[0] == sent[1] != sent[2]
    assert received == sent, "within one process both sides have the same"
    assert len({attributes(one)[SIZE] for one in capture.spans(name="tools/call add")}) == 1
    ping, listed = (attributes(capture.one(SERVER, name)) for name in ("ping", "prompts/list"))
    assert (ping[SIZE], ping[DIGEST]) == (listed[SIZE], listed[DIGEST]), "neither has parameters"
    assert ping[SIZE] == len("{}")


async def test_digests_mean_nothing_beside_another_process_and_tell_no_content() -> None:
    call = ("boom", {"secret": sdk.SECRET})
    first, second = await _calls(DETAILED, call), await _calls(DETAILED, call)
    digests = [attributes(one.one(SERVER, "tools/call boom"))[DIGEST] for one in (first, second)]
    assert digests[0] != digests[1]
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)
    for span in first.spans():
        assert sdk.SECRET not in repr([attributes(span), span.status.description, span.events])


async def test_with_content_it_is_both() -> None:
    capture = await _calls(McpSettings(detail=True, capture_content=True), ("add", {"a": 1, "b": 2}))
    found = attributes(capture.one(SERVER, "tools/call add"))
    assert {SIZE, ANSWER, DIGEST, semconv.GEN_AI_TOOL_CALL_ARGUMENTS, semconv.GEN_AI_TOOL_CALL_RESULT} <= set(found)


@pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1.x does not speak 2026-07-28")
async def test_how_long_a_list_stays_good() -> None:
    from mcp import Client
    from mcp.server.caching import CacheHint

    server = sdk.make_server(cache_hints={"tools/list": CacheHint(ttl_ms=1500)})
    with capturing(DETAILED) as capture:
        async with Client(server, mode="auto") as client:
            await client.list_tools()
            await client.list_prompts()
            await client.call_tool("add", {"a": 1, "b": 2})
        async with sdk.in_memory(server) as session:
            await session.list_tools()
    for kind in (CLIENT, SERVER):
        modern, handshake = (attributes(one).get(semconv.RESULT_TTL) for one in capture.spans(kind, "tools/list"))
        assert modern == 1.5
        assert handshake is None, "the older protocols have no such thing"
        assert attributes(capture.one(kind, "prompts/list"))[semconv.RESULT_TTL] == 0.0, "at once no longer"
        assert semconv.RESULT_TTL not in attributes(capture.one(kind, "tools/call add"))


async def test_what_nobody_will_see_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr(Detail, "asked", lambda *args: made.append(args))
    monkeypatch.setattr(Detail, "answered", lambda *args: made.append(args))
    instrumentor = McpInstrumentor()
    for provider in (TracerProvider(sampler=ALWAYS_OFF), TracerProvider()):
        instrumentor.instrument(tracer_provider=provider, settings=DETAILED)
        try:
            async with sdk.in_memory(sdk.make_server()) as session:
                await session.send_ping()
        finally:
            instrumentor.uninstrument()
            provider.shutdown()
        assert bool(made) is (provider.sampler is not ALWAYS_OFF)


TEXT = st.text(st.characters(), max_size=8)
"""Half surrogate pairs too, of which UTF-8 knows nothing."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_any_payload_has_a_size_and_a_digest(payload: dict[str, Any]) -> None:
    detail, asked, again, answered = Detail(), {}, {}, {}  # type: ignore[var-annotated]
    detail.asked(asked, payload)
    detail.asked(again, {"_meta": {"n": 1}, **dict(reversed(payload.items()))} if "_meta" not in payload else payload)
    detail.answered(answered, payload)
    assert asked == again
    plain = {key: value for key, value in payload.items() if key != "_meta"}
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    assert asked[SIZE] == len(text.encode("utf-8", "surrogatepass"))
    assert answered[ANSWER] >= asked[SIZE] - len("null")


def test_without_pydantics_writer_the_sizes_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    result = sdk.mcp_types().ListToolsResult(tools=[])
    payloads: list[Any] = [{"text": "Zoë", "n": 1, "none": None, "list": [1.5, True]}, result]
    found: list[dict[str, Any]] = []
    for module in (sys.modules["pydantic_core"], None):
        monkeypatch.setitem(sys.modules, "pydantic_core", module)
        found.append({})
        for number, payload in enumerate(payloads):
            one: dict[str, Any] = {}
            Detail().answered(one, payload)
            found[-1][str(number)] = one
    assert found[0] == found[1]
    assert found[0]["1"][ANSWER] >= len('{"tools":[]}')


@pytest.mark.parametrize("broken", [object(), {1: 2, "1": 3}, {"a": {1, 2}}, [1], "text", 7, {"ttlMs": True}])
def test_what_is_no_payload_is_left_out_or_told_as_text(broken: Any) -> None:
    found: dict[str, Any] = {}
    Detail().asked(found, broken)
    Detail().answered(found, broken)
    assert set(found) <= {SIZE, ANSWER, DIGEST}
