"""One MCP message, from the moment it is sent or received to its end.

``end`` runs inside other people's programs: it never raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from contextvars import Token
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from groundhog_otel import semconv
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.mcp.outcome import CANCELLED, OK, Outcome
from groundhog_otel.mcp.ownership import Announced, with_server_span
from groundhog_otel.mcp.transport import Transport

if TYPE_CHECKING:
    from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("Operation", "restore")


def restore(token: Token[Any]) -> None:
    """Undo the setting of a context variable, where this still is the context in which it was set.

    It is not when a coroutine that nobody awaits any more is closed from elsewhere: then there is nothing to undo.
    """
    with suppress(ValueError):
        token.var.reset(token)


class Operation:
    """A message under way. Made by :meth:`Telemetry.begin`; ended exactly once, in the task that began it."""

    __slots__ = (
        "_lent",
        "_span",
        "_started",
        "_telemetry",
        "_token",
        "answered_with_error",
        "context",
        "kind",
        "mcp_version",
        "method",
        "notification",
        "target",
        "transport",
    )

    def __init__(
        self,
        telemetry: Telemetry,
        kind: SpanKind,
        method: str,
        *,
        target: str | None,
        transport: Transport,
        mcp_version: str | None,
        notification: bool,
    ) -> None:
        self.kind = kind
        self.method = method
        self.target = target
        self.transport = transport
        self.mcp_version = mcp_version
        self.context: Context | None = None
        self.answered_with_error = False
        """Whether an error that the caller sees came from the peer, and not from the SDK's own timeout or shutdown."""
        self.notification = notification
        """Nobody answers a notification, so its success vouches for no name."""
        self._telemetry = telemetry
        self._span: trace.Span | None = None
        self._lent = False
        self._token: Any = None
        self._started = perf_counter()

    def start(
        self,
        title: str,
        attributes: dict[str, Any],
        parent: Context | None,
        links: Sequence[Link],
        *,
        outer: trace.Span | None = None,
        announced: Announced | None = None,
    ) -> None:
        """Start the span, as a child of ``parent``, and make it current.

        ``outer`` is the current span, if that is to stand for ours: whoever started it will end it. ``announced`` is
        what a framework has said of the message, and goes on the span.
        """
        if outer is not None:
            outer.set_attributes(attributes)
            span, self._lent = outer, True
            self.context = context_api.get_current()
        else:
            if parent is None:
                parent = context_api.get_current()
            span = self._telemetry.start_span(title, self.kind, attributes, parent, links)
            self.context = set_span_in_context(span, parent)
            if self.kind is SpanKind.SERVER:
                self.context = with_server_span(self.context, span)
            self._token = context_api.attach(self.context)
        self._span = span
        self._started = perf_counter()
        try:
            if announced is not None:
                announced.adopt(span)
        except Exception:
            guarded_error("adopt")

    def set(self, key: str, value: str | int) -> None:
        """Set an attribute that was not known when the span started."""
        try:
            if self._span is not None:
                self._span.set_attribute(key, value)
        except Exception:
            guarded_error("set")

    def learn_version(self, version: object) -> None:
        """Take note of the protocol version that an ``initialize`` settled on."""
        if isinstance(version, str):
            self.mcp_version = version
            self.set(semconv.MCP_PROTOCOL_VERSION, version)

    def learn_transport(self, transport: Transport) -> None:
        """Take note of a wire that came to be known only while the first message was under way."""
        if transport is not self.transport:
            self.transport = transport
            for key, value in transport.attributes(None).items():
                self.set(key, value)

    def end(self, outcome: Outcome = OK) -> None:
        """Settle the span's status, record the duration, end the span, make the former context current again."""
        duration_s = perf_counter() - self._started
        IN_FLIGHT.discard(self)
        span = self._span
        try:
            if span is not None and outcome is not OK:
                if outcome.status_code is not None:
                    span.set_attribute(semconv.RPC_RESPONSE_STATUS_CODE, outcome.status_code)
                if outcome.error_type is not None:
                    span.set_attribute(semconv.ERROR_TYPE, outcome.error_type)
                    span.set_status(Status(StatusCode.ERROR, outcome.description))
            self._telemetry.record(self, outcome, duration_s)
        except Exception:
            guarded_error("end")
        try:
            if span is not None and not self._lent:
                span.end()
        except Exception:
            guarded_error("span.end")
        if self._token is not None:
            restore(self._token)

    def abandon(self) -> None:
        """End the operation of a coroutine that is being thrown away: by now this may be another task's context."""
        self._token = None
        self.end(CANCELLED)
