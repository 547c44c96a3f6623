"""The spans of the requests that a load test remembers, written when a request is over.

No request is instrumented while it is under way: it only carries a trace context in its ``_meta``. For a request that
is remembered, two spans with exactly its ids are made afterwards. Those of the server, which has taken the second one
for its parent, join them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from groundhog_otel import __version__, semconv
from groundhog_otel.load.engine.trace import RUN_ID
from groundhog_otel.load.results.result import Request
from groundhog_otel.load.session import ServerFacts
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.helper import Helper
from groundhog_otel.mcp.outcome import OK, TIMEOUT, TOOL_ERROR, Outcome, client_error
from groundhog_otel.mcp.shape import TARGETS, WITH_URI, shape, tell_uri
from groundhog_otel.mcp.transport import IN_MEMORY, STDIO, Transport, http_client

__all__ = ("SCOPE", "SpanWriter", "names_of", "outcome_of")

SCOPE: Final = "groundhog_otel.load"
ROOT: Final = "groundhog.load.request"
SCENARIO: Final = "groundhog.load.scenario"
OPERATION: Final = "groundhog.load.operation"
SCHEDULE_DELAY: Final = "groundhog.load.schedule.delay"
"""Seconds from the moment a request was due until it was sent."""
WRITTEN: Final = "groundhog.load.written"
READ: Final = "groundhog.load.read"

_DELAY_MS: Final = 1000
_QUEUE: Final = 16_384
"""Spans that wait to be sent: eight thousand requests that are remembered within a second."""


class _Given(IdGenerator):
    """Gives out the ids that the next spans are to have."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_ids: deque[int] = deque()

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_ids.popleft()


class SpanWriter:
    """Writes the spans of remembered requests. A process has one of its own; a forked child makes another."""

    def __init__(self, run_id: str, exporters: Sequence[SpanExporter], resource: Resource) -> None:
        self._run_id = run_id
        self._exporters = exporters
        self._ids, self._random = _Given(), RandomIdGenerator()
        self._lock = Lock()
        self._wire: Transport = IN_MEMORY
        self._protocol_version: str | None = None
        # The server has been told that the trace is sampled, whatever the environment wants of other programs.
        self._provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        for exporter in exporters:
            self._provider.add_span_processor(
                BatchSpanProcessor(exporter, max_queue_size=_QUEUE, schedule_delay_millis=_DELAY_MS)
            )
        self._tracer = self._provider.get_tracer(SCOPE, __version__, semconv.GENAI_SCHEMA_URL)

    def served_by(self, server: ServerFacts, url: str | None = None) -> None:
        """Take note of the server, once it has introduced itself, and of its address where it has one."""
        self._protocol_version = server.protocol_version
        if server.transport == "stdio":
            self._wire = STDIO
        elif url is not None:
            self._wire = http_client(url)

    def write(self, request: Request) -> None:
        """Write the spans of a request that has ended. Takes some 0.1 ms, waits for nobody, and never raises."""
        try:
            self._write(request)
        except Exception:
            guarded_error("load.spans")

    def close(self, timeout_s: float = 5.0) -> bool:
        """Send what there is; tell whether that was done in time. When it was not, the rest is given up."""
        ending = Helper(self._provider.shutdown)
        if ending.wait(timeout_s):
            return True
        for exporter in self._exporters:
            Helper(exporter.shutdown)
        ending.wait(0.5)
        return False

    def _write(self, request: Request) -> None:
        title, attributes, operation = self._client(request.operation)
        delay_s = (request.sent_ns - request.intended_ns) / 1e9
        about: dict[str, Any] = {
            RUN_ID: self._run_id,
            SCENARIO: request.scenario,
            OPERATION: operation,
            SCHEDULE_DELAY: delay_s,
        }
        with self._lock:  # ids and the spans that they are for belong together
            self._ids.trace_id = int(request.trace_id, 16)
            self._ids.span_ids = deque((self._random.generate_span_id(), int(request.span_id, 16)))
            root = self._tracer.start_span(ROOT, Context(), SpanKind.INTERNAL, about, start_time=request.intended_ns)
            client = self._tracer.start_span(
                title, set_span_in_context(root, Context()), SpanKind.CLIENT, attributes, start_time=request.sent_ns
            )
        for name, time_ns in ((WRITTEN, request.written_ns), (READ, request.read_ns)):
            if time_ns is not None:
                client.add_event(name, timestamp=time_ns)
        outcome = outcome_of(request.error)
        if outcome.status_code is not None:
            client.set_attribute(semconv.RPC_RESPONSE_STATUS_CODE, outcome.status_code)
        _fail(client, outcome.error_type, outcome.description)
        client.end(request.ended_ns)
        _fail(root, request.error, None)
        root.end(request.ended_ns)

    def _client(self, operation: str) -> tuple[str, dict[str, Any], str]:
        """Return the name and the attributes of the client's span, and the operation as it may be told."""
        method, target, uri = names_of(operation)
        title, shared = shape(method, target, self._wire, self._protocol_version)
        attributes = {**shared, RUN_ID: self._run_id}
        told = tell_uri(title, attributes, uri, in_name=True)
        return title, attributes, operation if uri is None else told


def names_of(operation: str) -> tuple[str, str | None, str | None]:
    """Return the method of an operation, and the name or the URI that it is about, where it is about one."""
    method, _, rest = operation.partition(" ")
    return method, (rest or None) if method in TARGETS else None, (rest or None) if method in WITH_URI else None


def outcome_of(error: str | None) -> Outcome:
    """Return what a request's error (``class`` or ``class:detail``) means to the message itself.

    An answer that is not what the scenario expects (``assertion``) is no error of the message.
    """
    kind, _, detail = (error or "").partition(":")
    if kind in ("", "assertion"):
        return OK
    if kind == "jsonrpc" and detail.removeprefix("-").isdecimal():
        return client_error(int(detail))
    return {"tool": TOOL_ERROR, "timeout": TIMEOUT}.get(kind) or Outcome(detail or kind)


def _fail(span: Span, error_type: str | None, description: str | None) -> None:
    if error_type is not None:
        span.set_attribute(semconv.ERROR_TYPE, error_type)
        span.set_status(Status(StatusCode.ERROR, description))
