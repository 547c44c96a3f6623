"""How long sessions last: ``mcp.client.session.duration`` and ``mcp.server.session.duration``.

Only where sessions exist (see :attr:`Peer.in_session`), and only of those that began under our eyes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.telemetry import CLIENT, SERVER, Telemetry
from groundhog_otel.mcp.transport import Peer, peer_of

__all__ = ("is_client", "session_closed", "session_hooks", "session_opened", "session_settled")

_CLIENT_MODULE: Final = "mcp.client.session"


def session_hooks(telemetry: Telemetry, module: str, cls: str, channel: Callable[[Any], Any]) -> tuple[Hook, ...]:
    """Return the hooks on the life of the sessions of one class.

    ``channel`` returns what of a session holds its streams.
    """
    return (
        Hook(module, f"{cls}.__aenter__", partial(_entering, channel)),
        Hook(module, f"{cls}.__aexit__", partial(_leaving, telemetry, channel)),
    )


def is_client(session: object) -> bool:
    """Tell whether an object is a client's session. Does not import the SDK."""
    cls = getattr(sys.modules.get(_CLIENT_MODULE), "ClientSession", None)
    return isinstance(cls, type) and isinstance(session, cls)


def session_opened(peer: Peer) -> None:
    """Take note that a session begins."""
    peer.opened = perf_counter()


def session_settled(peer: Peer, operation: Operation) -> None:
    """Take note of the handshake that settled the session: its span is the session's exemplar."""
    if operation.context is not None:
        span = trace.get_current_span(operation.context).get_span_context()
        # Not the span itself, nor what else is in its context: a session may last for days.
        peer.handshake = trace.set_span_in_context(trace.NonRecordingSpan(span), Context())


def session_closed(telemetry: Telemetry, *, client: bool, peer: Peer, exc: BaseException | None = None) -> None:
    """Record the session's duration, if it was one; ``exc`` is what ended it, if something did. Never raises."""
    try:
        opened, peer.opened = peer.opened, None
        if opened is None or not peer.in_session:
            return
        outcome = outcomes.OK if exc is None else outcomes.exception(exc)
        telemetry.record_session(
            CLIENT if client else SERVER,
            transport=peer.transport,
            mcp_version=peer.protocol_version,
            error_type=None if outcome is outcomes.CANCELLED else outcome.error_type,  # how a session is told to end
            duration_s=perf_counter() - opened,
            context=peer.handshake,
        )
    except Exception:
        guarded_error("session")


def _entering(channel: Callable[[Any], Any], original: Callable[..., Any]) -> Callable[..., Any]:
    async def __aenter__(self: Any) -> Any:  # noqa: N807
        try:
            session_opened(peer_of(channel(self)))
        except Exception:
            guarded_error("session")
        return await original(self)

    return __aenter__


def _leaving(telemetry: Telemetry, channel: Callable[[Any], Any], original: Callable[..., Any]) -> Callable[..., Any]:
    async def __aexit__(  # noqa: N807
        self: Any, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        try:
            session_closed(telemetry, client=is_client(self), peer=peer_of(channel(self)), exc=exc)
        except Exception:
            guarded_error("session")
        return await original(self, kind, exc, traceback)

    return __aexit__
