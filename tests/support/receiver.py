"""Takes OTLP over HTTP on loopback, and keeps what came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import ExportProfilesServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver(ThreadingHTTPServer):
    """What a Collector's OTLP receiver is to an exporter; ``status`` is what it answers with."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.spans: list[Span] = []
        self.metrics: dict[str, Metric] = {}
        self.profiles: list[ExportProfilesServiceRequest] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, path: str, body: bytes) -> None:
        """Keep the spans and the profiles of a request, and the latest of each metric."""
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            self.spans += [span for one in traces.resource_spans for scope in one.scope_spans for span in scope.spans]
        if path == "/v1development/profiles":
            self.profiles.append(ExportProfilesServiceRequest.FromString(body))
        if path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body)
            for one in metrics.resource_metrics:
                self.metrics |= {metric.name: metric for scope in one.scope_metrics for metric in scope.metrics}


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.take(self.path, decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """Receive until the end of the block."""
    with Receiver(status) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
