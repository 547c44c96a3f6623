"""Whatever fails in telemetry, and whatever a peer puts into ``_meta``: the call gives what the bare SDK gives."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.mcp import propagation
from groundhog_otel.mcp.names import OTHER
from groundhog_otel.mcp.redaction import redacted_uri
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, capturing

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


async def _exercise() -> list[str]:
    """Return what a program sees of its calls: results and errors."""
    seen = []
    async with sdk.in_memory(sdk.make_server()) as session:
        for call in (
            session.call_tool("add", {"a": 1, "b": 2}),
            session.call_tool("boom", {}),
            session.call_tool("unknown", {}),
            session.read_resource(sdk.uri("memo://nope")),
            session.get_prompt("greet", {"name": "you"}),
            session.send_ping(),
        ):
            try:
                seen.append(repr(await call))
            except Exception as exc:
                seen.append(f"{type(exc).__name__}: {exc}")
    return seen


def _raise(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("telemetry is broken")


@pytest.mark.parametrize(
    "broken",
    [
        "opentelemetry.sdk.trace.Tracer.start_span",
        "opentelemetry.sdk.trace.Span.set_attribute",
        "opentelemetry.sdk.trace.Span.set_status",
        "opentelemetry.sdk.trace.Span.end",
        "opentelemetry.sdk.metrics._internal.instrument._Histogram.record",
        "opentelemetry.propagate.inject",
        "opentelemetry.propagate.extract",
        "groundhog_otel.mcp.w3c._is_default",
        "groundhog_otel.mcp.telemetry.shape",
        "groundhog_otel.mcp.shape.redacted_uri",
        "groundhog_otel.mcp.transport.tagged",
        "groundhog_otel.mcp.names.KnownNames.learn",
        "groundhog_otel.mcp.detail._canonical",
        "groundhog_otel.mcp.detail._size",
        "groundhog_otel.mcp.payloads._recorded",
        "groundhog_otel.mcp.cpu_time._measured",
    ],
)
async def test_any_collaborator_may_raise(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bare = await _exercise()
    detail = broken.startswith(tuple(f"groundhog_otel.mcp.{one}." for one in ("detail", "payloads", "cpu_time")))
    with capturing(McpSettings(detail=detail), failing=True):
        if broken.startswith("opentelemetry.propagate."):  # a plain context does not come by there
            monkeypatch.setattr("groundhog_otel.mcp.w3c._is_default", lambda _: False)
        monkeypatch.setattr(broken, _raise)
        with caplog.at_level(logging.WARNING, "groundhog_otel.mcp"):
            assert await _exercise() == bare
        monkeypatch.undo()
    assert any("telemetry failed" in record.getMessage() for record in caplog.records), "the fault was not reached"
    sites = [record.getMessage() for record in caplog.records if "telemetry failed" in record.getMessage()]
    assert len(sites) == len(set(sites)), "said more than once"
    assert trace.get_current_span() is trace.INVALID_SPAN, "a context was left behind"


def test_detaching_late_is_not_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine that the garbage collector closes is in no position to detach its context."""

    async def main() -> None:
        async with sdk.in_memory(sdk.make_server()) as session:
            call = session.call_tool("nap", {"seconds": 5})
            task = asyncio.ensure_future(call)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with capturing(), caplog.at_level(logging.ERROR, "opentelemetry.context"):
        asyncio.run(main())
    assert not [record for record in caplog.records if record.name == "opentelemetry.context"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=8,
)
_HOSTILE_META = st.dictionaries(
    st.sampled_from(["traceparent", "tracestate", "baggage", "progressToken", "x"]) | st.text(max_size=10),
    _JSON | st.just("a" * 1_000_000) | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    max_size=5,
)


@given(meta=_HOSTILE_META)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_any_meta_extracts_to_something(meta: dict[str, Any]) -> None:
    context, links = propagation.extract(meta, Context())
    assert isinstance(context, Context)
    assert links == ()


@given(meta=_HOSTILE_META)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_meta_leaves_the_call_as_it_is(meta: dict[str, Any]) -> None:
    """Over the wire. The SDKs themselves want a progress token to be one, so that is left out."""
    meta = {key: value for key, value in meta.items() if key != "progressToken"}

    async def call() -> str:
        async with sdk.in_memory(sdk.make_server()) as session:
            types = sdk.mcp_types()
            params = types.CallToolRequestParams.model_validate(
                {"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": meta}
            )
            request = types.CallToolRequest(method="tools/call", params=params)
            result = await session.send_request(
                request if sdk.IS_V2 else types.ClientRequest(request), types.CallToolResult
            )
            return str(result.content[0].text)

    with capturing() as capture:
        assert asyncio.run(call()) == "3"
        capture.one(SERVER, "tools/call add")


@pytest.mark.parametrize("sampled", [True, False])
async def test_what_is_not_sampled_is_still_measured(sampled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on" if sampled else "always_off")
    with capturing() as capture:
        async with sdk.in_memory(sdk.make_server()) as session:
            assert (await session.call_tool("add", {"a": 1, "b": 2})).content[0].text == "3"
        assert bool(capture.spans()) is sampled
        calls = [
            point
            for point in capture.points(semconv.MCP_SERVER_OPERATION_DURATION)
            if (point.attributes or {}).get(semconv.GEN_AI_TOOL_NAME) == "add"
        ]
        assert [point.count for point in calls] == [1]


@given(params=st.none() | st.dictionaries(st.text(max_size=8) | st.just("_meta"), _JSON, max_size=3))
async def test_injecting_keeps_all_that_was_there(params: dict[str, Any] | None) -> None:
    before = repr(params)
    after = propagation.with_meta(params, {"traceparent": "x"})
    assert repr(params) == before, "the caller's params were changed"
    assert {key: value for key, value in (after or {}).items() if key != "_meta"} == {
        key: value for key, value in (params or {}).items() if key != "_meta"
    }
    meta = (params or {}).get("_meta")
    if meta is None or isinstance(meta, dict):
        assert after is not None
        assert after["_meta"] == {**(meta or {}), "traceparent": "x"}
    else:
        assert after is params


async def test_tools_nobody_knows_do_not_become_time_series(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        for number in range(100):
            await session.call_tool(f"random-{number}", {})
        await session.call_tool("add", {"a": 1, "b": 2})
    for metric in (semconv.MCP_CLIENT_OPERATION_DURATION, semconv.MCP_SERVER_OPERATION_DURATION):
        tools = {str((point.attributes or {}).get(semconv.GEN_AI_TOOL_NAME)) for point in capture.points(metric)}
        assert tools == {"None", "add", OTHER}
    assert len(capture.spans(SERVER, "tools/call random-7")) == 1


async def test_excluded_methods_leave_nothing_but_their_context() -> None:
    with capturing(McpSettings(excluded_methods=("ping", "notifications/*"))) as capture:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.send_ping()
            await session.call_tool("add", {"a": 1, "b": 2})
        assert {span.name for span in capture.spans()} >= {"initialize", "tools/call add"}
        assert not [s for s in capture.spans() if s.name == "ping" or s.name.startswith("notifications/")]


async def test_suppressed_instrumentation_is_suppressed(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        with suppress_instrumentation():
            await session.call_tool("add", {"a": 1, "b": 2})
    assert not capture.spans(CLIENT, "tools/call add")


async def test_without_a_provider_an_existing_parent_still_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    """No SDK in the process: no spans, but a gateway in the middle must not cut the trace."""
    from groundhog_otel.mcp import McpInstrumentor

    seen: list[dict[str, str]] = []
    real = propagation.extract

    def spy(meta: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(dict(meta))
        return real(meta, *args, **kwargs)

    monkeypatch.setattr("groundhog_otel.mcp.telemetry.extract", spy)
    parent = trace.NonRecordingSpan(
        trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED))
    )
    instrumentor = McpInstrumentor()
    instrumentor.instrument(settings=McpSettings(), tracer_provider=trace.NoOpTracerProvider())
    try:
        async with sdk.in_memory(sdk.make_server()) as session:
            with trace.use_span(parent):
                await session.call_tool("add", {"a": 1, "b": 2})
    finally:
        instrumentor.uninstrument()
    assert any(f"{0xABC:032x}-{0xDEF:016x}" in found.get("traceparent", "") for found in seen)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("memo://note", "memo://note"),
        ("https://user:pw@host:8/a?key=1&flag#f", "https://REDACTED@host:8/a?key=REDACTED&REDACTED#f"),
        ("https://[broken?x=1", "REDACTED"),
    ],
)
async def test_redacted_uris(uri: str, expected: str) -> None:
    assert redacted_uri(uri) == expected


@given(secret=st.text("abcdefghijk", min_size=8), path=st.text(max_size=10))
async def test_user_info_and_query_values_never_survive(secret: str, path: str) -> None:
    assert secret not in redacted_uri(f"https://u:{secret}@h/?t={secret}&{secret}")
    redacted_uri(path)


async def test_names_of_any_length_are_cut_off(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.call_tool("x" * 100_000, {})
    for span in capture.spans():
        assert len(span.name) < 300
        assert all(len(str(value)) <= 256 for value in (span.attributes or {}).values())
