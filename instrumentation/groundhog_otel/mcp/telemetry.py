"""The only place that begins the operation of an MCP message, by the MCP semantic conventions.

The shells (``sdk_v1``, ``sdk_v2``) know where an SDK sends and receives; this module knows what the conventions want of
it. ``begin`` runs inside other people's programs: it never raises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from time import perf_counter
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Link, SpanKind

from groundhog_otel import __version__, semconv
from groundhog_otel.mcp.contexts import only_span
from groundhog_otel.mcp.durations import SCOPE, Durations
from groundhog_otel.mcp.fields import field, is_mapping
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT, ON_BEGIN
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.ownership import announced_for, execute_tool_span
from groundhog_otel.mcp.payloads import Payloads
from groundhog_otel.mcp.propagation import extract
from groundhog_otel.mcp.shape import LONGEST_NAME, TARGETS, WITH_URI, shape, shape_once, tell_uri
from groundhog_otel.mcp.transport import Transport, at_receiver
from groundhog_otel.settings import McpSettings

__all__ = ("CLIENT", "SERVER", "Telemetry")

CLIENT: Final = SpanKind.CLIENT
SERVER: Final = SpanKind.SERVER
_MOST_LATE: Final = 10_000


def _is_proxy(provider: object) -> bool:
    """Tell whether a provider is the API's own, which stands in until somebody sets one."""
    return type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


def _nothing(operation: Operation, outcome: Outcome, duration_s: float) -> None:
    """Record nothing."""


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
        self.payloads = Payloads.asked_for(settings)
        self.durations = Durations(meter_provider)
        self.methods, self.targets = self.durations.methods, self.durations.targets
        self.bounded = self.durations.bounded
        self.stands_back: set[tuple[SpanKind, bool]] = set()
        """Of which messages others make the spans: by side, and whether they are notifications."""
        self._enrich = settings.execute_tool == "enrich"
        self.tracer = trace.get_tracer(SCOPE, __version__, tracer_provider, semconv.GENAI_SCHEMA_URL)
        self._idle = isinstance(self.tracer, trace.NoOpTracer) and self.durations.idle
        """The SDK is there and switched off: nothing is made, and what came with a message is still passed on."""
        self.record = _nothing if self._idle else self.durations.record
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
            if self._stopped or not (only_span(current) or is_instrumentation_enabled()):
                return None
            if self.settings.excluded_methods and self._excluded(method):
                return None
            if self._idle or (self._waits and self._still_waits()):
                return self._only_pass_on(kind, method, transport, current, parent)
            target = field(params, "name") if method in TARGETS else None
            target = target[:LONGEST_NAME] if isinstance(target, str) else None
            method = method[:LONGEST_NAME]
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
                title, shared = (shape if known else shape_once)(method, target, transport, mcp_version)
                own = dict(shared)
                if request_id is not None:
                    own[semconv.JSONRPC_REQUEST_ID] = str(request_id)[:LONGEST_NAME]
                if method in WITH_URI:
                    title = tell_uri(title, own, field(params, "uri"), in_name=self.settings.resource_uri_in_name)
                if session_id is not None:
                    own[semconv.MCP_SESSION_ID] = session_id
                if attributes:
                    own.update(attributes)
                outer = execute_tool_span(target) if self._enrich and kind is CLIENT else None
                operation.shared = shared if known else None
                context = current if parent is None else parent
                operation.start(title, own, context, links, outer=outer, announced=announced)
                if self.payloads is not None:
                    self.payloads.asked(operation, params)
        except Exception:
            guarded_error("begin")
            return None
        operation.started = perf_counter()
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

    def parent_of(self, meta: Any, base: Context) -> tuple[Context, tuple[Link, ...]]:
        """Return the parent of a received message's span, and its links.

        ``meta`` is the message's ``_meta``, whatever that may be; ``base`` the context that it arrived in.
        """
        if not is_mapping(meta):
            return base, ()
        return extract(meta, base, ambient_first=self.settings.server_parent == "ambient")

    def record_session(
        self,
        kind: SpanKind,
        *,
        transport: Transport,
        mcp_version: str | None,
        error_type: str | None,
        duration_s: float,
        context: Context | None,
    ) -> None:
        """Add one session, which has ended, to its histogram; ``context`` has the span that stands for it."""
        if not self._stopped:
            self.durations.record_session(
                kind,
                transport=transport,
                mcp_version=mcp_version,
                error_type=error_type,
                duration_s=duration_s,
                context=context,
            )

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
