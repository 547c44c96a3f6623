"""``native_spans="keep"``: the spans that FastMCP and the SDK make stay as they are, and ours stand back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.settings import McpSettings
from tests.fastmcp import sample
from tests.support.telemetry import Capture, capturing

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not sample.HAS_SPANS, reason="FastMCP 2 makes no spans")]
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
OURS, FASTMCP, SDK = "groundhog_otel.mcp", "fastmcp", "mcp-python-sdk"


@pytest.fixture
def kept(native: Any) -> Iterator[Capture]:
    with capturing(McpSettings(native_spans="keep")) as capture:
        native(capture)
        yield capture


def _makers(capture: Capture, kind: SpanKind, *names: str) -> list[str]:
    return sorted(
        span.instrumentation_scope.name
        for span in capture.spans(kind)
        if span.name in names and span.instrumentation_scope is not None
    )


@pytest.mark.parametrize("transport", sample.TRANSPORTS)
async def test_fastmcps_spans_stay_and_ours_stand_back(kept: Capture, transport: str) -> None:
    async with sample.connected(transport, sample.make_server()) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
        await client.read_resource("memo://note")
    for name in ("tools/call add", "resources/read"):
        # FastMCP 4 and the SDK below it both make a client span: both are theirs to keep.
        assert _makers(kept, CLIENT, name, f"MCP send {name}") == ([FASTMCP] if sample.MAJOR == 3 else [FASTMCP, SDK])
        assert _makers(kept, SERVER, name) == [FASTMCP]
    traces = {span.context.trace_id for span in kept.spans(name="tools/call add")}
    assert len(traces) == 1
    for metric in (semconv.MCP_CLIENT_OPERATION_DURATION, semconv.MCP_SERVER_OPERATION_DURATION):
        (point,) = [p for p in kept.points(metric) if (p.attributes or {}).get("gen_ai.tool.name") == "add"]
        assert point.count == 1


@pytest.mark.skipif(sample.MAJOR > 3, reason="FastMCP 4 and its SDK make spans of every request")
@pytest.mark.parametrize("transport", sample.TRANSPORTS)
async def test_where_nobody_else_makes_one_ours_is_made(kept: Capture, transport: str) -> None:
    async with sample.connected(transport, sample.make_server()) as client:
        await client.ping()
    assert _makers(kept, CLIENT, "ping") == [OURS]
    assert _makers(kept, SERVER, "ping") == [OURS]


@pytest.mark.skipif(sample.MAJOR < 4, reason="FastMCP 4's setting")
@pytest.mark.parametrize("mode", ["propagation_only", "off"])
async def test_fastmcps_own_switch_leaves_the_sdks_spans(
    kept: Capture, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(sample.fastmcp.settings, "telemetry_mode", mode)
    async with sample.connected("memory", sample.make_server()) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
    assert _makers(kept, CLIENT, "tools/call add", "MCP send tools/call add") == [SDK]
    assert _makers(kept, SERVER, "tools/call add") == []


async def test_a_call_that_has_to_list_first_says_so(kept: Capture) -> None:
    """The announcement is of the call: the listing before it is another message."""
    async with sample.connected("memory", sample.make_server()) as client:
        kept.clear()
        await client.call_tool("add", {"a": 1, "b": 2})
    listing = _makers(kept, CLIENT, "tools/list", "MCP send tools/list")
    assert listing == ([OURS] if sample.MAJOR == 3 else [SDK])
