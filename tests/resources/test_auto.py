"""A program nobody changed, started by ``opentelemetry-instrument``, and what arrives over OTLP at a real receiver."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

_PROGRAM = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass\nprint('done')"


class Receiver(ThreadingHTTPServer):
    """Takes OTLP metrics over HTTP on loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ExportMetricsServiceRequest] = []

    def names(self) -> list[set[str]]:
        """Return the names of our metrics, export by export."""
        return [
            {
                metric.name
                for resource in request.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if scope.scope.name == "groundhog_otel.resources"
            }
            for request in self.requests
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/metrics":
            self.server.requests.append(ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _run(receiver: Receiver, program: str = _PROGRAM, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, "-c", program],
        env={
            **inherited,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_METRIC_EXPORT_INTERVAL": "400",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "groundhog_mcp",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_an_unmodified_program_reports_its_resources(receiver: Receiver) -> None:
    done = _run(receiver, OTEL_PYTHON_GROUNDHOG_RESOURCES="process,system")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert not done.stderr
    exports = [names for names in receiver.names() if names]
    assert len(exports) >= 2
    assert {
        "process.cpu.time",
        "process.cpu.utilization",
        "process.memory.usage",
        "system.memory.usage",
        "system.network.io",
    } <= exports[-1]
    shares = [
        sum(point.as_double for point in metric.gauge.data_points)
        for request in receiver.requests
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "process.cpu.utilization"
    ]
    assert all(share > 0 for share in shares), "a busy program, and a false zero"


def test_it_can_be_turned_off_by_name_or_by_setting(receiver: Receiver) -> None:
    for setting in (
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "groundhog_mcp,groundhog_resources"},
        {"OTEL_PYTHON_GROUNDHOG_RESOURCES": "none"},
        {"OTEL_SDK_DISABLED": "true"},
    ):
        done = _run(receiver, **setting)
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    assert not any(receiver.names())


def test_a_wrong_setting_is_one_line_on_standard_error(receiver: Receiver) -> None:
    done = _run(receiver, OTEL_PYTHON_GROUNDHOG_RESOURCES="everything")
    assert (done.returncode, done.stdout) == (0, "done\n")
    (line,) = done.stderr.strip().splitlines()
    assert "OTEL_PYTHON_GROUNDHOG_RESOURCES='everything' is not understood" in line
    assert any("process.memory.usage" in names for names in receiver.names())
    assert not any(name.startswith("system.") for names in receiver.names() for name in names), "not asked for"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_worker_reports_for_itself(receiver: Receiver) -> None:
    """As under a pre-forking server: the reader starts again in the child, and asks us there."""
    program = (
        "import os, time, warnings\nwarnings.simplefilter('ignore')\nchild = os.fork()\n"
        "ballast = bytearray(b'x') * (150_000_000 if child == 0 else 1)\ntime.sleep(2)\n"
        "if child == 0: os._exit(0)\nos.wait()\nprint('done')"
    )
    done = _run(receiver, program, OTEL_RESOURCE_ATTRIBUTES="service.name=worker")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    resident = [
        point.as_int
        for request in receiver.requests
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "process.memory.usage"
        for point in metric.sum.data_points
    ]
    assert max(resident) > min(resident) + 120_000_000
