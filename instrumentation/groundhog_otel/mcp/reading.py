"""Reading answers and exceptions of either SDK generation, as wire mappings or as models, without importing the SDK."""

from __future__ import annotations

import sys
from typing import Any, Final

from groundhog_otel import semconv
from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.fields import field
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.session import session_settled
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.mcp.transport import Peer, peer_of

__all__ = ("jsonrpc_error", "outcome_at_sender", "outcome_of_answer", "told")

_FIRST: Final = ("initialize", "server/discover")
_LISTS: Final = {"tools/list": "tools", "prompts/list": "prompts"}


def jsonrpc_error(exc: BaseException) -> Any:
    """Return the ``ErrorData`` of the SDK's own exception (``McpError``, in 2.x ``MCPError``), or None."""
    module = sys.modules.get("mcp.shared.exceptions")
    cls = getattr(module, "MCPError", None) or getattr(module, "McpError", None)
    return exc.error if isinstance(cls, type) and isinstance(exc, cls) else None  # type: ignore[attr-defined]


def told(telemetry: Telemetry, operation: Operation, outcome: Outcome, message: object) -> Outcome:
    """Return the outcome with the error's message for its description, where content has been asked for."""
    if telemetry.payloads is None or outcome.error_type is None:
        return outcome
    text = telemetry.payloads.message(operation, message)
    return outcome if text is None else outcome._replace(description=text)


def outcome_of_answer(telemetry: Telemetry, operation: Operation, answer: Any, peer: Peer | None = None) -> Outcome:
    """Return what a successful JSON-RPC answer means, and take note of the names and the version it tells."""
    try:
        method = operation.method
        if telemetry.payloads is not None:
            telemetry.payloads.answered(operation, answer)
        if method == "tools/call":
            return outcomes.TOOL_ERROR if field(answer, "isError", "is_error") is True else outcomes.OK
        if method in _LISTS:
            telemetry.targets.learn_listed(field(answer, _LISTS[method]))
        elif method == "initialize":
            version = field(answer, "protocolVersion", "protocol_version")
            operation.learn_version(version)
            if peer is not None and isinstance(version, str):
                peer.protocol_version = version
                session_settled(peer, operation)
    except Exception:
        guarded_error("answer")
    return outcomes.OK


def outcome_at_sender(telemetry: Telemetry, owner: Any, operation: Operation, answer: Any) -> Outcome:
    """Return what the answer means to the session or dispatcher that asked.

    A transport's tasks start together with its first message: only the answer to that finds wire and session known.
    """
    try:
        peer = peer_of(owner)
        operation.learn_transport(peer.transport)
        if operation.method in _FIRST:
            session_id = peer.session_id
            if session_id is not None:
                operation.set(semconv.MCP_SESSION_ID, session_id)
        return outcome_of_answer(telemetry, operation, answer, peer)
    except Exception:
        guarded_error("answer")
        return outcomes.OK
