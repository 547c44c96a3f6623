"""OTLP requests that are encoded once and sent with fresh trace ids: the sender costs next to nothing.

A request has whole traces of MCP tool calls: a client's span, the server's below it, and work below that. The first
traces of a request are slow (80 ms, over the budget of a command), the others take 5 ms. What the Collector keeps is
therefore known beforehand, but for the random share of the rest.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from groundhog_otel.semconv import GEN_AI_TOOL_NAME, MCP_METHOD_NAME

SLOW_S, FAST_S = 0.080, 0.005
_CALL = ((Span.SPAN_KIND_CLIENT, True), (Span.SPAN_KIND_SERVER, True), (Span.SPAN_KIND_INTERNAL, False))


@dataclass(frozen=True, slots=True)
class Shape:
    """What one request carries."""

    traces: int = 100
    slow: int = 5
    """How many of the traces are over their budget."""
    spans: int = 3
    """Spans per trace: 3 for a call, 1 for a notification that nobody waits for."""
    events: int = 0
    """Span events per trace, on its last span."""
    service: str = "load"
    root: bool = True
    """Whether each trace has a span without a parent: one that has none waits for the whole decision_wait."""


class Template:
    """One encoded request, and where its ids are."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.count = shape.traces * shape.spans
        marks = [b"\xa5\x5a" + number.to_bytes(6, "big") + os.urandom(8) for number in range(shape.traces)]
        self._body = _encode(shape, marks)
        self._places = [_all(self._body, mark) for mark in marks]

    def fresh(self) -> tuple[bytes, list[bytes]]:
        """Return the request with new trace ids, and the ids; those of the slow traces come first."""
        body, random = bytearray(self._body), os.urandom(16 * self.shape.traces)
        ids = [random[start : start + 16] for start in range(0, len(random), 16)]
        for trace_id, places in zip(ids, self._places, strict=True):
            for place in places:
                body[place : place + 16] = trace_id
        return bytes(body), ids


def _all(body: bytes, mark: bytes) -> list[int]:
    places, place = [], body.find(mark)
    while place >= 0:
        places.append(place)
        place = body.find(mark, place + 16)
    return places


def _encode(shape: Shape, marks: list[bytes]) -> bytes:
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.append(_text("service.name", shape.service))
    scope = of_resource.scope_spans.add()
    scope.scope.name = "tests.support.pipeline"
    now = time.time_ns()
    for number, mark in enumerate(marks):
        _trace(scope, mark, shape, end=now, duration_ns=round((SLOW_S if number < shape.slow else FAST_S) * 1e9))
    return bytes(request.SerializeToString())


def _trace(scope: ScopeSpans, mark: bytes, shape: Shape, *, end: int, duration_ns: int) -> None:
    parent = b"" if shape.root else b"elsewher"
    for kind, operation in _CALL[: shape.spans]:
        span = scope.spans.add()
        span.trace_id, span.span_id, span.parent_span_id = mark, os.urandom(8), parent
        span.kind, parent = kind, span.span_id
        span.start_time_unix_nano, span.end_time_unix_nano = end - duration_ns, end
        span.name = "tools/call forecast" if operation else "look up"
        if operation:
            span.attributes.extend([_text(MCP_METHOD_NAME, "tools/call"), _text(GEN_AI_TOOL_NAME, "forecast")])
    for number in range(shape.events):
        event = span.events.add()
        event.name, event.time_unix_nano = "progress", end - number


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
