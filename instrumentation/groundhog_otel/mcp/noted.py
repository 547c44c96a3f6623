"""Messages that are over as soon as they have been read: refused, or acted upon, before any handler is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.fields import is_mapping
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.telemetry import SERVER, Telemetry
from groundhog_otel.mcp.transport import Peer

__all__ = ("note",)


def note(
    telemetry: Telemetry,
    message: Mapping[str, Any],
    peer: Peer,
    *,
    base: Context,
    outcome: Outcome = outcomes.OK,
) -> None:
    """Make the span and the metric of such a message: a JSON-RPC request or notification as it came. Never raises."""
    try:
        params = message.get("params")
        parent, links = telemetry.parent_of(params.get("_meta") if is_mapping(params) else None, base)
        operation = telemetry.begin(
            SERVER,
            message["method"],
            transport=peer.transport,
            mcp_version=peer.protocol_version,
            params=params,
            request_id=message.get("id"),
            session_id=peer.session_id,
            parent=parent,
            links=links,
            notification=message.get("id") is None,
        )
        if operation is not None:
            operation.end(outcome)
    except Exception:
        guarded_error("noted")
