"""The only place that makes a span and a metric of an MCP message, by the MCP semantic conventions.

The shells (``sdk_v1``, ``sdk_v2``) know where an SDK sends and receives; this module knows what the conventions want of
it. ``begin`` runs inside other people's programs: it never raises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Link, SpanKind

from groundhog_otel import __version__, semconv
from groundhog_otel.mcp.content import Content
from groundhog_otel.mcp.fields import field, is_mapping
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT, ON_BEGIN
from groundhog_otel.mcp.names import METHODS, OTHER, KnownNames
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import OK, Outcome
from groundhog_otel.mcp.ownership import announced_for, execute_tool_span
from groundhog_otel.mcp.propagation import extract
from groundhog_otel.mcp.redaction import redacted_uri
from groundhog_otel.mcp.transport import Transport, at_receiver
from groundhog_otel.settings import McpSettings

__all__ = ("CLIENT", "SERVER", "Telemetry")

CLIENT: Final = SpanKind.CLIENT
SERVER: Final = SpanKind.SERVER
_SCOPE: Final = "groundhog_otel.mcp"
_TARGETS: Final = {"tools/call": semconv.GEN_AI_TOOL_NAME, "prompts/get": semconv.GEN_AI_PROMPT_NAME}
_WITH_URI: Final = frozenset(
    {"resources/read", "resources/subscribe", "resources/unsubscribe", "notifications/resources/updated"}
)
_LONGEST_NAME: Final = 256
_MOST_LATE: Final = 10_000
_LONGEST_URI: Final = 2048
"""Characters. A peer may send names as long as it likes; what is longer is cut off, here and in what we remember."""


def _shape_once(
    method: str, target: str | None, transport: Transport, mcp_version: str | None
) -> tuple[str, dict[str, Any]]:
    """Return the span name and the attributes, of span and metric alike, that all operations of one kind share."""
    shared: dict[str, Any] = {semconv.MCP_METHOD_NAME: method, **transport.attributes(mcp_version)}
    if method == "tools/call":
        shared[semconv.GEN_AI_OPERATION_NAME] = "execute_tool"
    if target is None:
        return method, shared
    shared[_TARGETS[method]] = target
    return f"{method} {target}", shared


_shape = lru_cache(maxsize=1024)(_shape_once)


def _seconds(meter: metrics.Meter, name: str, description: str) -> metrics.Histogram:
    return meter.create_histogram(
        name,
        unit="s",
        description=description,
        explicit_bucket_boundaries_advisory=semconv.MCP_DURATION_BUCKETS_S,
    )


def _is_proxy(provider: object) -> bool:
    """Tell whether a provider is the API's own, which stands in until somebody sets one."""
    return type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


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
        self.content = Content(settings) if settings.capture_content else None
        self.methods = KnownNames(METHODS)
        self.targets = KnownNames()
        self.stands_back: set[tuple[SpanKind, bool]] = set()
        """Of which messages others make the spans: by side, and whether they are notifications."""
        self._enrich = settings.execute_tool == "enrich"
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider, semconv.GENAI_SCHEMA_URL)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider, semconv.GENAI_SCHEMA_URL)
        self._sent, self._received = (
            _seconds(meter, name, f"Duration of an MCP request or notification, at its {end}")
            for name, end in (
                (semconv.MCP_CLIENT_OPERATION_DURATION, "sender"),
                (semconv.MCP_SERVER_OPERATION_DURATION, "receiver"),
            )
        )
        self._sessions = {
            kind: _seconds(meter, name, f"Duration of an MCP session, at its {end}")
            for kind, name, end in (
                (CLIENT, semconv.MCP_CLIENT_SESSION_DURATION, "client"),
                (SERVER, semconv.MCP_SERVER_SESSION_DURATION, "server"),
            )
        }
        self._idle = isinstance(self._tracer, trace.NoOpTracer) and isinstance(self._sent, metrics.NoOpHistogram)
        """The SDK is there and switched off: nothing is made, and what came with a message is still passed on."""
        self._proxies = trace.get_tracer_provider(), metrics.get_meter_provider()
        self._waits = tracer_provider is None and meter_provider is None and all(map(_is_proxy, self._proxies))
        """No provider has been set yet. Until one is, nobody would see what is made."""
        self._stopped = False
        self._late: deque[Callable[[], None]] = deque(maxlen=_MOST_LATE)
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
            if self._late:
                self._end_late()
            current = context_api.get_current()
            if self._stopped or (current and not is_instrumentation_enabled()):  # an empty context suppresses nothing
                return None
            if self.settings.excluded_methods and self._excluded(method):
                return None
            if self._idle or (self._waits and self._still_waits()):
                return self._only_pass_on(kind, method, transport, current, parent)
            target = field(params, "name") if method in _TARGETS else None
            target = target[:_LONGEST_NAME] if isinstance(target, str) else None
            method = method[:_LONGEST_NAME]
            announced = announced_for(method, target) if kind is CLIENT else None
            span = span and (announced is None or not announced.stands)
            span = span and not (self.stands_back and (kind, notification) in self.stands_back)
            transport = at_receiver(transport) if kind is SERVER else transport
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
                # A stranger's names are not remembered, here either: they would push out those that are used.
                known = target in self.targets if target is not None else method in self.methods
                title, shared = (_shape if known else _shape_once)(method, target, transport, mcp_version)
                own = dict(shared)
                if request_id is not None:
                    own[semconv.JSONRPC_REQUEST_ID] = str(request_id)[:_LONGEST_NAME]
                if method in _WITH_URI:
                    title = self._with_uri(title, own, field(params, "uri"))
                if session_id is not None:
                    own[semconv.MCP_SESSION_ID] = session_id
                if attributes:
                    own.update(attributes)
                if self.content is not None and method == "tools/call":
                    self.content.add(own, "arguments", target, field(params, "arguments"))
                outer = execute_tool_span(target) if self._enrich and kind is CLIENT else None
                operation.shared = shared if known else None
                context = current if parent is None else parent
                operation.start(title, own, context, links, outer=outer, announced=announced)
        except Exception:
            guarded_error("begin")
            return None
        IN_FLIGHT.add(operation)
        for listener in ON_BEGIN:
            listener(operation)
        return operation

    def _still_waits(self) -> bool:
        """Tell whether nobody has set a provider yet, and nobody asks for the operations under way either."""
        tracer_proxy, meter_proxy = self._proxies
        self._waits = trace.get_tracer_provider() is tracer_proxy and metrics.get_meter_provider() is meter_proxy
        return self._waits and not ON_BEGIN

    def _only_pass_on(
        self, kind: SpanKind, method: str, transport: Transport, current: Context, parent: Context | None
    ) -> Operation | None:
        """Return an operation without telemetry; None where there is nothing that could be passed on either."""
        if not current and not parent:
            return None
        operation = Operation(self, kind, method, transport=transport)
        operation.pass_on(current, parent)
        return operation

    def _with_uri(self, title: str, attributes: dict[str, Any], uri: object) -> str:
        """Add the URI, as far as it may be told, and return the span's name."""
        if uri is None:
            return title
        told = attributes[semconv.MCP_RESOURCE_URI] = redacted_uri(str(uri))[:_LONGEST_URI]
        return f"{title} {told}" if self.settings.resource_uri_in_name else title

    def parent_of(self, meta: Any, base: Context) -> tuple[Context, tuple[Link, ...]]:
        """Return the parent of a received message's span, and its links.

        ``meta`` is the message's ``_meta``, whatever that may be; ``base`` the context that it arrived in.
        """
        if not is_mapping(meta):
            return base, ()
        return extract(meta, base, ambient_first=self.settings.server_parent == "ambient")

    def bounded(self, method: str, target: str | None) -> tuple[str, str | None]:
        """Return both names as a metric may carry them: ``_OTHER`` for what nobody has vouched for."""
        if method not in self.methods:
            return OTHER, None
        return method, OTHER if target is not None and target not in self.targets else target

    def record(self, operation: Operation, outcome: Outcome, duration_s: float) -> None:
        """Add one operation to its histogram, with its span's context so that an exemplar can name the trace."""
        if self._idle:
            return
        attributes = operation.shared
        if attributes is None:
            method, target = operation.method, operation.target
            if outcome is OK and not operation.notification:
                self.methods.learn(method)
                if target is not None:
                    self.targets.learn(target)
            else:
                method, target = self.bounded(method, target)
            _, attributes = _shape(method, target, operation.transport, operation.mcp_version)
        if outcome is not OK:
            attributes = dict(attributes)
            if outcome.error_type is not None:
                attributes[semconv.ERROR_TYPE] = outcome.error_type
            if outcome.status_code is not None:
                attributes[semconv.RPC_RESPONSE_STATUS_CODE] = outcome.status_code
        histogram = self._sent if operation.kind is CLIENT else self._received
        histogram.record(duration_s, attributes, context=operation.context)

    def record_session(
        self,
        kind: SpanKind,
        *,
        transport: Transport,
        mcp_version: str | None,
        error_type: str | None,
        duration_s: float,
    ) -> None:
        """Add one session, which has ended, to its histogram."""
        if not self._stopped:
            attributes = transport.attributes(mcp_version)
            if error_type is not None:
                attributes[semconv.ERROR_TYPE] = error_type
            self._sessions[kind].record(duration_s, attributes)

    def stop(self) -> None:
        """Watch nothing from now on: sessions that are running hold on to our functions after they were replaced."""
        self._end_late()
        self._stopped = True

    def end_later(self, end: Callable[[], None]) -> None:
        """Have an operation ended with the next one that begins.

        For those whose coroutine the garbage collector closes: it may do so while this very thread is inside the SDK
        and holds one of its locks, which are not re-entrant.
        """
        self._late.append(end)

    def _end_late(self) -> None:
        while self._late:
            self._late.popleft()()

    def start_span(
        self, title: str, kind: SpanKind, attributes: dict[str, Any], parent: Context, links: Sequence[Link]
    ) -> trace.Span:
        """Start a span of this instrumentation's scope."""
        return self._tracer.start_span(
            title, parent, kind, attributes, links, record_exception=False, set_status_on_exception=False
        )
