"""Spans as their sender has encoded them, sent to any Collector: a trace may enter by several."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from urllib.request import ProxyHandler, Request, build_opener

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from groundhog_otel.budgets import COMMAND
from groundhog_otel.semconv import GEN_AI_TOOL_NAME, MCP_METHOD_NAME

FAST_S, SLOW_S = COMMAND.limit_s / 10, COMMAND.limit_s * 1.6
_DIRECT = build_opener(ProxyHandler({}))


def new_ids(count: int) -> list[bytes]:
    """Return that many trace ids."""
    return [os.urandom(16) for _ in range(count)]


def call(trace_id: bytes, *, duration_s: float = FAST_S, error: bool = False, root: bool = False) -> Span:
    """Return a tool call's server span that has just ended."""
    now = time.time_ns()
    span = Span(
        trace_id=trace_id,
        span_id=os.urandom(8),
        parent_span_id=b"" if root else os.urandom(8),
        name="tools/call t",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=now - round(duration_s * 1e9),
        end_time_unix_nano=now,
    )
    for key, value in ((MCP_METHOD_NAME, "tools/call"), (GEN_AI_TOOL_NAME, "t")):
        span.attributes.add(key=key).value.string_value = value
    if error:
        span.status.code = Status.STATUS_CODE_ERROR
    return span


def request_of(spans: Iterable[Span], service: str = "two-tier") -> ExportTraceServiceRequest:
    """Return the spans of one service as one request."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = service
    of_resource.scope_spans.add().spans.extend(spans)
    return request


def send(port: int, spans: Iterable[Span]) -> None:
    """Send spans to an OTLP/HTTP port of loopback in one request, and see it acknowledged."""
    _post(port, "traces", request_of(spans).SerializeToString())


def send_count(port: int, service: str, answers: int) -> None:
    """Send what a process has counted since its start: ``answers``."""
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = service
    metric = of_resource.scope_metrics.add().metrics.add(name="answers")
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, AGGREGATION_TEMPORALITY_CUMULATIVE
    metric.sum.data_points.add(time_unix_nano=time.time_ns(), as_int=answers)
    _post(port, "metrics", request.SerializeToString())


def _post(port: int, signal: str, body: bytes) -> None:
    asked = Request(
        f"http://127.0.0.1:{port}/v1/{signal}",
        data=body,
        headers={"Content-Type": "application/x-protobuf"},
    )
    with _DIRECT.open(asked, timeout=20) as answer:
        assert answer.status == 200
