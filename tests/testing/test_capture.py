"""The capture, its finders and its tree, on a real session."""

from __future__ import annotations

import pytest
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.status import Status, StatusCode

from groundhog_otel import testing
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings
from tests.support import sdk

pytestmark = pytest.mark.anyio

TREE = """\
CLIENT initialize
  SERVER initialize
CLIENT notifications/initialized
  SERVER notifications/initialized
CLIENT tools/call roots
  SERVER tools/call roots
    CLIENT roots/list
      SERVER roots/list
CLIENT tools/call boom  ERROR  error.type=tool_error
  SERVER tools/call boom  ERROR  error.type=tool_error"""


async def test_the_tree_of_a_session() -> None:
    with testing.capture() as captured:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("roots", {})
            await session.call_tool("boom", {})
    lines = captured.tree().splitlines()
    own = [line for line in lines if "tools/list" not in line]  # the SDK's own, to learn output schemas
    assert "\n".join(own) == TREE


def test_a_tree_shows_attributes_links_and_missing_parents() -> None:
    captured = testing.Capture()
    tracer = captured.tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("outer", attributes={"app.b": 2, "app.a": "x", "secret": "y"}) as outer:
        first = tracer.start_span("later to end", kind=SpanKind.CONSUMER)
        second = tracer.start_span("second", links=[Link(outer.get_span_context()), Link(first.get_span_context())])
        second.set_status(Status(StatusCode.ERROR, "no luck"))
        second.end()
        first.end()
    assert captured.tree(attributes=["app.*"]) == (
        "INTERNAL outer  app.a=x  app.b=2\n"
        "  CONSUMER later to end\n"
        "  INTERNAL second  ERROR  'no luck'  -> INTERNAL outer  -> CONSUMER later to end"
    )
    assert testing.tree(captured.spans("second")) == (
        "INTERNAL second  ERROR  'no luck'  (parent not captured)  -> (not captured)  -> (not captured)"
    )
    captured.close()


async def test_finders() -> None:
    with testing.capture() as captured:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
        assert captured.one("tools/call add", kind="server").kind is SpanKind.SERVER
    for metrics_are_readable in (captured, captured):  # after the end too, and more than once
        (point,) = metrics_are_readable.points("mcp.server.operation.duration", gen_ai__tool__name="add")
        assert getattr(point, "count") == 1  # noqa: B009 - points of all kinds are one union
    assert captured.metric("mcp.client.operation.duration").unit == "s"
    with pytest.raises(AssertionError, match=r"expected one SERVER span 'tools/call sub', found 0 in:\nCLIENT init"):
        captured.one("tools/call sub", kind="server")
    with pytest.raises(AssertionError, match="found 2 in"):
        captured.one("tools/call add")
    with pytest.raises(AssertionError, match=r"no metric 'mcp.calls' was measured, only \['mcp.client.operation"):
        captured.metric("mcp.calls")
    with pytest.raises(ValueError, match="'sender' is no kind of span: use one of internal, server, client"):
        captured.spans(kind="sender")


async def test_settings_are_those_given_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_MCP_EXCLUDED_METHODS", "tools/*")
    with testing.capture(settings=McpSettings(excluded_methods=("ping",))) as captured:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.send_ping()
            await session.call_tool("add", {"a": 1, "b": 2})
    assert not captured.spans("ping")
    assert len(captured.spans("tools/call add")) == 2


def test_a_capture_inside_another_is_refused_and_the_first_goes_on() -> None:
    with testing.capture(), pytest.raises(RuntimeError, match="close the other capture"), testing.capture():
        pass
    assert not McpInstrumentor().is_instrumented_by_opentelemetry


def test_nothing_captured_is_nothing_to_read() -> None:
    with testing.capture() as captured:
        pass
    assert captured.spans() == []
    assert captured.metrics == []
    assert captured.tree() == ""
