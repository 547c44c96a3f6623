"""Where mcp 2.x sends and receives (read in 2.0.0 to 2.3.0).

Outbound, all roles and eras: ``send_raw_request`` and ``notify`` of the dispatchers. Inbound at a server: the chain
that ``ServerRunner._compose_server_middleware`` builds for every message, asked anew each time, so servers and sessions
that existed before us are covered. Inbound at a client: ``ClientSession._on_request`` and ``_on_notify``. What is
refused before it gets there is seen where the dispatchers, and the modern HTTP entry, call them.

The SDK makes spans of its own at the sender and at the server. With ``native_spans="replace"`` ours stand in for them:
``otel_span`` yields a span that goes nowhere, ``OpenTelemetryMiddleware`` only passes on. With ``"keep"`` they stay as
they are, and we add the metrics.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.sdk_v2.inbound import client_receiver, pass_on, server_chain
from groundhog_otel.mcp.sdk_v2.outbound import (
    inject_plainly,
    notification_sender,
    request_sender,
    stand_in_for_native_span,
)
from groundhog_otel.mcp.sdk_v2.refusals import refusal_hooks
from groundhog_otel.mcp.session import session_hooks
from groundhog_otel.mcp.sse import sse_hooks
from groundhog_otel.mcp.streams import transport_hooks
from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("hooks",)

_JSONRPC: Final = "mcp.shared.jsonrpc_dispatcher"
_DIRECT: Final = "mcp.shared.direct_dispatcher"
_CLIENT: Final = "mcp.client.session"


def hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return what stands in for which function of mcp 2.x."""
    native = (
        Hook(_JSONRPC, "otel_span", stand_in_for_native_span),
        Hook(_JSONRPC, "inject_trace_context", inject_plainly, optional=True),
        Hook("mcp.server._otel", "OpenTelemetryMiddleware.__call__", pass_on),
    )
    notify = partial(notification_sender, telemetry)
    receive = partial(client_receiver, telemetry)
    return (
        *transport_hooks(),
        *sse_hooks(carries_context=True),
        *session_hooks(telemetry, _CLIENT, "ClientSession", lambda session: session._dispatcher),
        *refusal_hooks(telemetry),
        Hook(_JSONRPC, "JSONRPCDispatcher.send_raw_request", partial(request_sender, telemetry, sdk_makes_span=True)),
        Hook(_DIRECT, "DirectDispatcher.send_raw_request", partial(request_sender, telemetry, sdk_makes_span=False)),
        Hook(_JSONRPC, "JSONRPCDispatcher.notify", notify),
        Hook(_DIRECT, "DirectDispatcher.notify", notify),
        Hook("mcp.server._streamable_http_modern", "_SingleExchangeDispatchContext.notify", notify),
        Hook("mcp.server.runner", "ServerRunner._compose_server_middleware", partial(server_chain, telemetry)),
        Hook(_CLIENT, "ClientSession._on_request", receive),
        Hook(_CLIENT, "ClientSession._on_notify", receive),
        *(native if telemetry.settings.native_spans == "replace" else ()),
    )
