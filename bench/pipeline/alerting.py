"""Seconds from the first slow call to the webhook, by the stations on its way, with the stack's own settings."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.semconv import GEN_AI_TOOL_NAME, MCP_METHOD_NAME
from groundhog_otel.settings.stack import StackSettings
from tests.support.ports import free_ports

_DIRECT = build_opener(ProxyHandler({}))
STATIONS = (
    "the SDK's batch delay (5 s at most), the Collector's count and flush",
    "Prometheus' scrape",
    "evaluation of the rules, until one fires",
    "Alertmanager's group_wait, and the way to the webhook",
)


def run(folder: Path, *, within_s: float = 120.0) -> list[float]:
    """Return the seconds at which each station was reached, counted from the end of the first slow call.

    A tool is called twice a second and takes 5 ms; from then on it takes 80 ms. Each station is looked at every 50 ms.
    """
    notified: list[float] = []
    service = f"alerting{time.time_ns()}"
    with _Webhook(service, notified) as webhook:
        found, _ = StackSettings.from_environ()
        stack = Stack(found._replace(state=folder, ports=free_ports(), webhook=webhook), say=print)
        stack.up()
        try:
            return _follow(dict(stack.settings.ports), service, notified, within_s)
        finally:
            stack.down()


def _follow(ports: dict[str, int], service: str, notified: list[float], within_s: float) -> list[float]:
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{ports['otlp_grpc']}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    calls = _Calls(provider)
    calls.start()
    time.sleep(75)  # a minute's rate has to know the tool as fast
    slow = f'mcp_span_duration_seconds_bucket{{job="{service}",le="0.05"}}'
    total = f'mcp_span_duration_seconds_count{{job="{service}"}}'
    calls.took_s, begun = 0.080, time.monotonic()
    looks: list[Callable[[], Any]] = [
        lambda: _over_in_text(ports["span_metrics"], service),
        lambda: _asked(ports["prometheus"], f"sum({total}) - sum({slow}) > 0"),
        lambda: _firing(ports["prometheus"], service),
        lambda: notified,
    ]
    reached: list[float] = []
    try:
        for look in looks:
            while not look():
                assert time.monotonic() - begun < within_s, f"after {reached} s: never at the next station"
                time.sleep(0.05)
            reached.append((notified[0] if look is looks[-1] else time.monotonic()) - begun)
    finally:
        calls.done.set()
        calls.join()
        provider.shutdown()
    return reached


class _Calls(threading.Thread):
    def __init__(self, provider: TracerProvider) -> None:
        super().__init__()
        self.took_s, self.done, self._tracer = 0.005, threading.Event(), provider.get_tracer("bench")

    def run(self) -> None:
        while not self.done.wait(0.5):
            end = time.time_ns()
            attributes = {MCP_METHOD_NAME: "tools/call", GEN_AI_TOOL_NAME: "forecast"}
            span = self._tracer.start_span(
                "tools/call forecast",
                kind=SpanKind.SERVER,
                attributes=attributes,
                start_time=end - round(self.took_s * 1e9),
            )
            span.end(end_time=end)


def _get(url: str) -> Any:
    with suppress(OSError), _DIRECT.open(url, timeout=5) as answer:
        return answer.read().decode()
    return ""


def _asked(port: int, promql: str) -> bool:
    text = _get(f"http://127.0.0.1:{port}/api/v1/query?query={quote(promql)}")
    return bool(text and json.loads(text)["data"]["result"])


def _firing(port: int, service: str) -> bool:
    text = _get(f"http://127.0.0.1:{port}/api/v1/alerts")
    alerts = json.loads(text)["data"]["alerts"] if text else []
    return any(one["state"] == "firing" and service in one["labels"].values() for one in alerts)


def _over_in_text(port: int, service: str) -> bool:
    """Tell whether the Collector shows a call over 50 ms."""
    counts = {}
    for line in _get(f"http://127.0.0.1:{port}/metrics").splitlines():
        for word, what in (('le="0.05"', "within"), ('le="+Inf"', "all")):
            if line.startswith("mcp_span_duration_seconds_bucket") and f'job="{service}"' in line and word in line:
                counts[what] = float(line.rpartition("} ")[2].split()[0])
    return counts.get("all", 0) > counts.get("within", 0)


class _Webhook:
    """A server that notes when it is told of a service."""

    def __init__(self, service: str, notified: list[float]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if any(service in one["labels"].values() for one in json.loads(body)["alerts"]):
                    notified.append(time.monotonic())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/alerts"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
