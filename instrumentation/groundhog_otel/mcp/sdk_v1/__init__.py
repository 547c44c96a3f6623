"""Where mcp 1.x sends and receives (read in 1.10.1, 1.12.4 and 1.30.0: the seams are the same).

Outbound, both roles: ``BaseSession.send_request`` and ``send_notification``. Inbound at a server: ``initialize`` is
answered inside ``ServerSession._received_request``, every other request reaches ``Server._handle_request``, and what
was answered is seen in ``RequestResponder.respond``. Inbound at a client: ``ClientSession._received_request`` and
``_received_notification``. What the receive loop of either settles by itself is seen where it validates messages.

The SDK runs a server's handlers in tasks that inherit the context in which the *session* began; over HTTP that is the
session's first request, long ended. The context of each request is therefore taken from its own ASGI scope.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.sdk_v1.http import client_post, remember_context, remember_sse_context
from groundhog_otel.mcp.sdk_v1.inbound import (
    client_notification,
    client_request,
    handshake,
    note_answer,
    server_message,
    server_request,
)
from groundhog_otel.mcp.sdk_v1.outbound import notification_sender, request_sender
from groundhog_otel.mcp.sdk_v1.validation import validation_hooks
from groundhog_otel.mcp.session import session_hooks
from groundhog_otel.mcp.sse import sse_hooks
from groundhog_otel.mcp.streams import transport_hooks
from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("hooks",)

_SESSION: Final = "mcp.shared.session"
_SERVER: Final = "mcp.server.lowlevel.server"
_CLIENT: Final = "mcp.client.session"


def hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return what stands in for which function of mcp 1.x."""
    return (
        *transport_hooks(),
        *sse_hooks(carries_context=False),
        *session_hooks(telemetry, _SESSION, "BaseSession", lambda session: session),
        *validation_hooks(telemetry),
        Hook(_SESSION, "BaseSession.send_request", partial(request_sender, telemetry)),
        Hook(_SESSION, "BaseSession.send_notification", partial(notification_sender, telemetry)),
        Hook(_SESSION, "RequestResponder.respond", note_answer),
        Hook("mcp.server.session", "ServerSession._received_request", partial(handshake, telemetry)),
        Hook(_SERVER, "Server._handle_request", partial(server_request, telemetry)),
        Hook(_SERVER, "Server._handle_message", partial(server_message, telemetry)),
        Hook(_CLIENT, "ClientSession._received_request", partial(client_request, telemetry)),
        Hook(_CLIENT, "ClientSession._received_notification", partial(client_notification, telemetry)),
        Hook("mcp.server.streamable_http", "StreamableHTTPServerTransport.handle_request", remember_context),
        Hook("mcp.server.sse", "SseServerTransport.handle_post_message", remember_sse_context),
        Hook("mcp.client.streamable_http", "StreamableHTTPTransport._handle_post_request", client_post),
    )
