"""A stand-in for Jaeger where only counts matter: an OTLP/gRPC receiver that notes which spans came, and how often.

It can be away and come back on the same port. Nothing that it has acknowledged is forgotten while it is away.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Sink(trace_service_pb2_grpc.TraceServiceServicer):
    """Spans by trace, from the moment it is made."""

    def __init__(self) -> None:
        self.spans: Counter[bytes] = Counter()
        """Different spans per trace id."""
        self.received = 0
        """Spans, those that came twice counted twice."""
        self._seen: set[bytes] = set()
        self._lock = threading.Lock()
        self._server: Any = None
        self.port = 0
        self.come()

    def come(self) -> None:
        """Be there, on the port it had before."""
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 64 << 20)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def leave(self) -> None:
        """Be away: connections are closed, and new ones refused."""
        self._server.stop(0).wait()

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - of the interface
        with self._lock:
            for of_resource in request.resource_spans:
                for of_scope in of_resource.scope_spans:
                    for span in of_scope.spans:
                        self.received += 1
                        key = span.trace_id + span.span_id
                        if key not in self._seen:
                            self._seen.add(key)
                            self.spans[span.trace_id] += 1
        return trace_service_pb2.ExportTraceServiceResponse()

    def missing(self, ids: list[bytes], spans: int) -> list[bytes]:
        """Return the traces of which not all spans have arrived."""
        with self._lock:
            return [one for one in ids if self.spans[one] < spans]
