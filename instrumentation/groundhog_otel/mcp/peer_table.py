"""Which other instrumentations of MCP make spans where ours are, and what of ``mcp`` they wrap.

Read in opentelemetry-instrumentation-mcp 0.62 (Traceloop), aws-opentelemetry-distro 0.21, logfire 5.2, openlit 1.45 and
ddtrace 4.16. Not in the table: openinference-instrumentation-mcp makes no spans, only propagates context, and those of
sentry-sdk are Sentry's own, which no OpenTelemetry exporter sees.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, NamedTuple

from opentelemetry import trace
from opentelemetry.trace import SpanKind

__all__ = ("PEERS", "Peer")

CLIENT: Final = SpanKind.CLIENT
SERVER: Final = SpanKind.SERVER
_SEND: Final = ("mcp.shared.session", "BaseSession.send_request")
_NOTIFY: Final = ("mcp.shared.session", "BaseSession.send_notification")
_HANDLE: Final = ("mcp.server.lowlevel.server", "Server._handle_request")


def _always() -> bool:
    return True


def _datadog_joins_us() -> bool:
    """Tell whether ddtrace sends its spans over OTLP, or gets ours: otherwise the two never meet."""
    agent = sys.modules.get("ddtrace.internal.settings._agent")
    if getattr(getattr(agent, "config", None), "trace_otlp_export_enabled", False):
        return True
    return type(trace.get_tracer_provider()).__module__.startswith("ddtrace.")


class Peer(NamedTuple):
    """Another instrumentation, and where it is to be found at work."""

    title: str
    package: str
    """Where its code lives, and so what a wrapper of its own is known by."""
    module: str
    start: str
    """What starts it, below the module."""
    makes: tuple[tuple[SpanKind, bool], ...]
    """Of which messages it makes spans: by side, and whether they are notifications."""
    wraps: tuple[tuple[str, str], ...] = ()
    """What it puts wrappers around, and does not itself take all of them off again."""
    lists: tuple[str, ...] = ()
    """Tables in its own module that say the same."""
    doubles: Callable[[], bool] = _always
    """Tells whether its spans arrive where ours do."""

    def wrapped(self) -> tuple[tuple[str, str], ...]:
        """Return module and path of everything that it may have put wrappers around; it has to be imported."""
        module = sys.modules[self.module]
        rows = (row for name in self.lists for row in getattr(module, name, ()))
        return *self.wraps, *((row["package"], row["object"]) for row in rows)


PEERS: Final = (
    Peer(
        title="opentelemetry-instrumentation-mcp",
        package="opentelemetry.instrumentation.mcp",
        module="opentelemetry.instrumentation.mcp.instrumentation",
        start="McpInstrumentor._instrument",
        makes=((CLIENT, False),),
        wraps=(
            _SEND,
            ("mcp.client.sse", "sse_client"),
            ("mcp.client.stdio", "stdio_client"),
            ("mcp.client.streamable_http", "streamablehttp_client"),
            ("mcp.server.session", "ServerSession.__init__"),
            ("mcp.server.sse", "SseServerTransport.connect_sse"),
            ("mcp.server.stdio", "stdio_server"),
            ("mcp.server.streamable_http", "StreamableHTTPServerTransport.connect"),
            ("fastmcp", "FastMCP.__init__"),
            ("fastmcp.client", "Client.__aenter__"),
            ("fastmcp.client", "Client.__aexit__"),
            ("fastmcp.tools.tool_manager", "ToolManager.call_tool"),
        ),
    ),
    Peer(
        title="aws-opentelemetry-distro",
        package="amazon.opentelemetry.distro.instrumentation.mcp",
        module="amazon.opentelemetry.distro.instrumentation.mcp",
        start="McpInstrumentor._instrument",
        makes=((CLIENT, False), (CLIENT, True), (SERVER, False), (SERVER, True)),
        wraps=(
            _SEND,
            _NOTIFY,
            _HANDLE,
            ("mcp.server.lowlevel.server", "Server._handle_notification"),
            ("mcp.client.sse", "sse_client"),
            ("mcp.client.stdio", "stdio_client"),
            ("mcp.client.streamable_http", "streamablehttp_client"),
            ("mcp.client.streamable_http", "streamable_http_client"),
            ("mcp.client.streamable_http", "StreamableHTTPTransport._maybe_extract_session_id_from_response"),
            ("mcp.client.streamable_http", "StreamableHTTPTransport._handle_post_request"),
            ("mcp.client.streamable_http", "StreamableHTTPTransport._prepare_headers"),
            ("mcp.server.fastmcp.server", "FastMCP.streamable_http_app"),
            ("mcp.server.fastmcp.server", "FastMCP.sse_app"),
        ),
    ),
    Peer(
        title="logfire.instrument_mcp()",
        package="logfire._internal.integrations.mcp",
        module="logfire._internal.integrations.mcp",
        start="instrument_mcp",
        makes=((CLIENT, False), (SERVER, False)),
        wraps=(
            _SEND,
            _NOTIFY,
            _HANDLE,
            ("mcp.client.session", "ClientSession._received_notification"),
            ("mcp.client.session", "ClientSession._received_request"),
        ),
    ),
    Peer(
        title="openlit",
        package="openlit.instrumentation.mcp",
        module="openlit.instrumentation.mcp",
        start="MCPInstrumentor._instrument",
        makes=((CLIENT, False),),
        lists=("CORE_JSONRPC_METHODS", "SYNC_METHODS", "ASYNC_METHODS"),
    ),
    Peer(
        title="ddtrace",
        package="ddtrace.contrib.internal.mcp",
        module="ddtrace.contrib.internal.mcp.patch",
        start="patch",
        makes=((CLIENT, False), (SERVER, False)),
        wraps=(
            _SEND,
            ("mcp.client.session", "ClientSession.__aenter__"),
            ("mcp.client.session", "ClientSession.__aexit__"),
            ("mcp.client.session", "ClientSession.call_tool"),
            ("mcp.client.session", "ClientSession.list_tools"),
            ("mcp.client.session", "ClientSession.initialize"),
            ("mcp.shared.session", "RequestResponder.respond"),
            ("mcp.shared.session", "RequestResponder.__enter__"),
            ("mcp.shared.session", "RequestResponder.__exit__"),
        ),
        doubles=_datadog_joins_us,
    ),
)
