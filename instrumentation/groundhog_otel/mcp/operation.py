"""One MCP message, from the moment it is sent or received to its end: the only place that makes a span and a metric.

The shells (``sdk_v1``, ``sdk_v2``) know where an SDK sends and receives; this module knows what the MCP semantic
conventions want of it. ``begin`` and ``end`` run inside other people's programs: they never raise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from time import perf_counter
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from groundhog_otel import __version__, semconv
from groundhog_otel.mcp.names import METHODS, OTHER, KnownNames
from groundhog_otel.mcp.outcome import CANCELLED, OK, Outcome
from groundhog_otel.mcp.redaction import redacted_uri
from groundhog_otel.mcp.transport import Transport
from groundhog_otel.settings import McpSettings

__all__ = ("Operation", "Telemetry", "field", "guarded_error")

logger = logging.getLogger("groundhog_otel.mcp")

CLIENT: Final = SpanKind.CLIENT
SERVER: Final = SpanKind.SERVER
_SCOPE: Final = "groundhog_otel.mcp"
_TARGETS: Final = {"tools/call": semconv.GEN_AI_TOOL_NAME, "prompts/get": semconv.GEN_AI_PROMPT_NAME}
_WITH_URI: Final = frozenset(
    {"resources/read", "resources/subscribe", "resources/unsubscribe", "notifications/resources/updated"}
)
_said: set[str] = set()


def guarded_error(site: str) -> None:
    """Say, once per site, that telemetry failed; called from an ``except`` block around telemetry code."""
    if site not in _said:
        _said.add(site)
        logger.warning("telemetry failed in %s; the MCP call goes on without it", site, exc_info=True)


def field(thing: Any, name: str) -> Any:
    """Return what a mapping or a model has under ``name``, or None.

    Ask a model only for what it is likely to have: for an attribute that is missing, pydantic takes microseconds.
    """
    if isinstance(thing, dict):
        return thing.get(name)
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


@lru_cache(maxsize=1024)
def _shape(
    method: str, target: str | None, transport: Transport, mcp_version: str | None
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return span name, span attributes and metric attributes that all operations of one kind share."""
    metric: dict[str, Any] = {semconv.MCP_METHOD_NAME: method, **transport.attributes(mcp_version)}
    if method == "tools/call":
        metric[semconv.GEN_AI_OPERATION_NAME] = "execute_tool"
    if target is None:
        return method, metric, metric
    metric[_TARGETS[method]] = target
    return f"{method} {target}", metric, metric


class Telemetry:
    """Tracer, histograms and settings, made once per instrumentation."""

    def __init__(
        self,
        settings: McpSettings,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self.settings = settings
        self.methods = KnownNames(METHODS)
        self.targets = KnownNames()
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider, semconv.GENAI_SCHEMA_URL)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider, semconv.GENAI_SCHEMA_URL)
        self._histograms = {
            kind: meter.create_histogram(
                name,
                unit="s",
                description=description,
                explicit_bucket_boundaries_advisory=semconv.MCP_DURATION_BUCKETS_S,
            )
            for kind, name, description in (
                (
                    CLIENT,
                    semconv.MCP_CLIENT_OPERATION_DURATION,
                    "Duration of an MCP request or notification, at its sender",
                ),
                (
                    SERVER,
                    semconv.MCP_SERVER_OPERATION_DURATION,
                    "Duration of an MCP request or notification, at its receiver",
                ),
            )
        }
        self._excluded: Callable[[str], bool] = lru_cache(maxsize=1024)(
            lambda method: any(fnmatchcase(method, pattern) for pattern in settings.excluded_methods)
        )

    def begin(
        self,
        kind: SpanKind,
        method: str,
        *,
        transport: Transport,
        mcp_version: str | None = None,
        params: Any = None,
        request_id: object = None,
        session_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        parent: Context | None = None,
        links: Sequence[Link] = (),
        notification: bool = False,
        span: bool = True,
    ) -> Operation | None:
        """Start an operation and make its span current; None when it is not to be watched, or cannot be.

        ``params`` are the message's, as a mapping or a model. ``parent`` None means the current context. With
        ``span=False`` somebody else makes the span, and only the metric is ours.
        """
        try:
            if not is_instrumentation_enabled() or (self.settings.excluded_methods and self._excluded(method)):
                return None
            target = field(params, "name") if method in _TARGETS else None
            if not isinstance(target, str):
                target = None
            operation = Operation(
                self,
                kind,
                method,
                target=target,
                transport=transport,
                mcp_version=mcp_version,
                notification=notification,
            )
            if span:
                title, shared, _ = _shape(method, target, transport, mcp_version)
                own = dict(shared)
                if request_id is not None:
                    own[semconv.JSONRPC_REQUEST_ID] = str(request_id)
                if method in _WITH_URI:
                    uri = field(params, "uri")
                    if uri is not None:
                        own[semconv.MCP_RESOURCE_URI] = redacted_uri(str(uri))
                if session_id is not None:
                    own[semconv.MCP_SESSION_ID] = session_id
                if attributes:
                    own.update(attributes)
                operation.start(title, own, parent, links)
        except Exception:
            guarded_error("begin")
            return None
        return operation

    def record(self, operation: Operation, outcome: Outcome, duration_s: float) -> None:
        """Add one operation to its histogram, with its span's context so that an exemplar can name the trace."""
        method, target = operation.method, operation.target
        if outcome is OK and not operation.notification:
            self.methods.learn(method)
            if target is not None:
                self.targets.learn(target)
        elif method not in self.methods:
            method, target = OTHER, None
        elif target is not None and target not in self.targets:
            target = OTHER
        _, _, attributes = _shape(method, target, operation.transport, operation.mcp_version)
        if outcome is not OK:
            attributes = dict(attributes)
            if outcome.error_type is not None:
                attributes[semconv.ERROR_TYPE] = outcome.error_type
            if outcome.status_code is not None:
                attributes[semconv.RPC_RESPONSE_STATUS_CODE] = outcome.status_code
        self._histograms[operation.kind].record(duration_s, attributes, context=operation.context)

    def start_span(
        self, title: str, kind: SpanKind, attributes: dict[str, Any], parent: Context, links: Sequence[Link]
    ) -> trace.Span:
        """Start a span of this instrumentation's scope."""
        return self._tracer.start_span(
            title, parent, kind, attributes, links, record_exception=False, set_status_on_exception=False
        )


class Operation:
    """A message under way. Made by :meth:`Telemetry.begin`; ended exactly once, in the task that began it."""

    __slots__ = (
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
        self._token: Any = None
        self._started = perf_counter()

    def start(self, title: str, attributes: dict[str, Any], parent: Context | None, links: Sequence[Link]) -> None:
        """Start the span, as a child of ``parent``, and make it current."""
        if parent is None:
            parent = context_api.get_current()
        span = self._telemetry.start_span(title, self.kind, attributes, parent, links)
        self.context = set_span_in_context(span, parent)
        self._span = span
        self._token = context_api.attach(self.context)
        self._started = perf_counter()

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
            if span is not None:
                span.end()
        except Exception:
            guarded_error("span.end")
        if self._token is not None:
            context_api.detach(self._token)

    def abandon(self) -> None:
        """End the operation of a coroutine that is being thrown away: by now this may be another task's context."""
        self._token = None
        self.end(CANCELLED)
