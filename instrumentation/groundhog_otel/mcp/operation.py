"""One MCP message, from the moment it is sent or received to its end.

``end`` runs inside other people's programs: it never raises.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import Token
from functools import partial
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from groundhog_otel import semconv
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT, ON_END
from groundhog_otel.mcp.outcome import CANCELLED, OK, Outcome
from groundhog_otel.mcp.ownership import Announced, with_server_span
from groundhog_otel.mcp.transport import Transport

if TYPE_CHECKING:
    from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("Operation", "restore")

_SERVER: Final = SpanKind.SERVER  # a member that is asked of its class costs a call
_FRAMEWORK: Final = "fastmcp"
"""Nobody else asks which span is ours for the message being handled."""


def restore(token: Token[Any]) -> bool:
    """Undo the setting of a context variable; False where this is not the context in which it was set.

    It is not when a coroutine that nobody awaits any more is closed from elsewhere: then there is nothing to undo.
    """
    try:
        token.var.reset(token)
    except ValueError:
        return False
    return True


class Operation:
    """A message under way. Made by :meth:`Telemetry.begin`; ended exactly once, in the task that began it."""

    __slots__ = (
        "__weakref__",
        "_lent",
        "_span",
        "_telemetry",
        "_token",
        "answered_with_error",
        "at_end",
        "context",
        "kind",
        "mcp_version",
        "method",
        "notification",
        "outcome",
        "shared",
        "started",
        "target",
        "transport",
    )

    def __init__(
        self,
        telemetry: Telemetry,
        kind: SpanKind,
        method: str,
        *,
        transport: Transport,
        target: str | None = None,
        mcp_version: str | None = None,
        notification: bool = False,
    ) -> None:
        self.kind = kind
        self.method = method
        self.target = target
        self.transport = transport
        self.mcp_version = mcp_version
        self.notification = notification
        """Nobody answers a notification, so its success vouches for no name."""
        self.context: Context | None = None
        self.shared: dict[str, Any] | None = None
        """The attributes that its metric has as well, where they were known from the beginning and still hold."""
        self.answered_with_error = False
        """Whether an error that the caller sees came from the peer, and not from the SDK's own timeout or shutdown."""
        self.started = 0.0
        """By ``perf_counter``: from when all that we do at its beginning is done."""
        self.outcome = OK
        """How it ended, for whoever listens to its end."""
        self.at_end: Callable[[Operation], None] | None = None
        """Called once the operation has been counted and before its span ends, by whoever has more to say of it."""
        self._telemetry = telemetry
        self._span: trace.Span | None = None
        self._lent = False
        self._token: Any = None

    def start(
        self,
        title: str,
        attributes: dict[str, Any],
        parent: Context,
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
            span = self._telemetry.tracer.start_span(
                title, parent, self.kind, attributes, links, record_exception=False, set_status_on_exception=False
            )
            self.context = set_span_in_context(span, parent)
            if self.kind is _SERVER and _FRAMEWORK in sys.modules:
                self.context = with_server_span(self.context, span)
            self._token = context_api.attach(self.context)
        self._span = span
        if announced is not None:
            try:
                announced.adopt(span)
            except Exception:
                guarded_error("adopt")

    def pass_on(self, current: Context, parent: Context | None) -> None:
        """Make no span; but make current, and send on, what the message came with."""
        self.started = perf_counter()
        if parent is None:
            self.context = current
        else:
            self.context = parent
            self._token = context_api.attach(parent)

    def set(self, key: str, value: str | float) -> None:
        """Set an attribute that was not known when the span started."""
        try:
            if self._span is not None:
                self._span.set_attribute(key, value)
        except Exception:
            guarded_error("set")

    def bounded_names(self) -> tuple[str, str | None]:
        """Return method and target as a metric may carry them: ``_OTHER`` for what nobody has vouched for."""
        return self._telemetry.bounded(self.method, self.target)

    def learn_version(self, version: object) -> None:
        """Take note of the protocol version that an ``initialize`` settled on."""
        if isinstance(version, str):
            self.mcp_version = version
            self.shared = None
            self.set(semconv.MCP_PROTOCOL_VERSION, version)

    def learn_transport(self, transport: Transport) -> None:
        """Take note of a wire that came to be known only while the first message was under way."""
        if transport is not self.transport:
            self.transport = transport
            self.shared = None
            for key, value in transport.attributes(None).items():
                self.set(key, value)

    def end(self, outcome: Outcome = OK) -> None:
        """Settle the span's status, record the duration, end the span, make the former context current again."""
        duration_s = perf_counter() - self.started
        IN_FLIGHT.discard(self)
        self._settle(outcome, duration_s, None)
        if self._token is not None:
            restore(self._token)

    def cut_short(self) -> None:
        """End the operation from another thread: the process is about to end, and its task will not get there."""
        self._token = None
        self.end(CANCELLED)

    def abandon(self) -> None:
        """End the operation of a coroutine that is being thrown away: by now this may be another task's context."""
        duration_s, now_ns = perf_counter() - self.started, time_ns()
        IN_FLIGHT.discard(self)
        self._telemetry.end_later(partial(self._settle, CANCELLED, duration_s, now_ns))

    def _settle(self, outcome: Outcome, duration_s: float, end_ns: int | None) -> None:
        span = self._span
        self.outcome = outcome
        try:
            if span is not None and outcome is not OK:
                if outcome.status_code is not None:
                    span.set_attribute(semconv.RPC_RESPONSE_STATUS_CODE, outcome.status_code)
                if outcome.error_type is not None:
                    span.set_attribute(semconv.ERROR_TYPE, outcome.error_type)
                    span.set_status(Status(StatusCode.ERROR, outcome.description))
            self._telemetry.record(self, outcome, duration_s)
            if self.at_end is not None:
                self.at_end(self)
            for listener in ON_END:
                listener(self, duration_s)
        except Exception:
            guarded_error("end")
        try:
            if span is not None and not self._lent:
                span.end(end_ns)
        except Exception:
            guarded_error("span.end")
