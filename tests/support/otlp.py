"""A Collector's receiving end, for tests: real OTLP over gRPC and HTTP; slow, or dead in one of several ways."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

Protocol = Literal["grpc", "http/protobuf"]
Death = Literal["refused", "silent", "blackhole"]


@dataclass(frozen=True)
class Received:
    """One span, as it came over the wire."""

    name: str
    kind: int
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    resource: dict[str, str]


@dataclass
class Receiver:
    """What arrived, and where to send to."""

    delay_s: float = 0.0
    grpc: str = ""
    http: str = ""
    spans: list[Received] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each export over HTTP, by names in small letters."""

    def environment(self, protocol: Protocol = "grpc") -> dict[str, str]:
        """Return what makes a program send here."""
        return {
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.grpc if protocol == "grpc" else self.http,
        }

    def names(self, *, server: bool = False) -> list[str]:
        """Return the sorted names of the spans; with ``server``, of SERVER spans only."""
        return sorted(span.name for span in self.spans if span.kind == 2 or not server)

    def take_spans(self, request: Any) -> None:
        """Keep the spans of one export, after the delay."""
        time.sleep(self.delay_s)
        for of_resource in request.resource_spans:
            resource = {pair.key: _text(pair.value) for pair in of_resource.resource.attributes}
            for of_scope in of_resource.scope_spans:
                self.spans.extend(
                    Received(one.name, one.kind, one.trace_id, one.span_id, one.parent_span_id, resource)
                    for one in of_scope.spans
                )

    def take_metrics(self, request: Any) -> None:
        """Keep the names of the metrics of one export, after the delay."""
        time.sleep(self.delay_s)
        for of_resource in request.resource_metrics:
            for of_scope in of_resource.scope_metrics:
                self.metrics.update(metric.name for metric in of_scope.metrics)


def _text(value: Any) -> str:
    return str(getattr(value, value.WhichOneof("value")))


@contextmanager
def receiving(delay_s: float = 0.0) -> Iterator[Receiver]:
    """Receive OTLP on two free loopback ports; each export is answered after ``delay_s`` seconds."""
    receiver = Receiver(delay_s)
    with ExitStack() as opened:
        receiver.grpc = opened.enter_context(_grpc(receiver))
        receiver.http = opened.enter_context(_http(receiver))
        yield receiver


@contextmanager
def _grpc(receiver: Receiver) -> Iterator[str]:
    class Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - of the interface
            receiver.take_spans(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - of the interface
            receiver.take_metrics(request)
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(8))
    for servicer, add in (
        (Traces(), trace_service_pb2_grpc.add_TraceServiceServicer_to_server),
        (Metrics(), metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server),
    ):
        add(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextmanager
def _http(receiver: Receiver) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            if self.path == "/v1/traces":
                receiver.take_spans(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
            elif self.path == "/v1/metrics":
                receiver.take_metrics(metrics_service_pb2.ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def dead(how: Death) -> Iterator[str]:
    """Yield the address of a Collector that refuses connections, never answers, or swallows even the connection."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0 if how == "blackhole" else 64))
        address = listener.getsockname()
        if how == "refused":
            listener.close()
        if how == "blackhole":  # fill the queue of connections: the kernel drops what comes after
            for _ in range(4):
                filler = opened.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"
