"""A whole process whose telemetry is broken everywhere: the bytes it writes and how it ends are the bare SDK's."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import suppress

import pytest

from tests.support import sdk

BREAK = """
import logging, sys
import psutil
from opentelemetry import metrics, propagate, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics._internal.instrument import _Histogram
from opentelemetry.sdk.trace import Span, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
reader = PeriodicExportingMetricReader(ConsoleMetricExporter(out=sys.stderr), export_interval_millis=50)
metrics.set_meter_provider(MeterProvider([reader]))

def broken(*args, **kwargs):
    raise RuntimeError("telemetry is broken")

if WHAT in ("begin", "all"):
    Tracer.start_span = propagate.inject = propagate.extract = broken
if WHAT in ("span", "all"):
    Span.set_attribute = Span.set_attributes = Span.set_status = Span.end = Span.add_event = broken
if WHAT in ("metrics", "all"):
    _Histogram.record = broken
    psutil.Process.memory_info = psutil.Process.cpu_times = psutil.Process.io_counters = broken
if WHAT in ("export", "all"):
    ConsoleSpanExporter.export = ConsoleMetricExporter.export = broken
    ConsoleSpanExporter.shutdown = ConsoleSpanExporter.force_flush = broken

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.runtime import RuntimeInstrumentor
for instrumentor in (McpInstrumentor(), ResourceInstrumentor(), RuntimeInstrumentor()):
    instrumentor.instrument()
"""
SERVE = """
from tests.support import sdk
sdk.make_server().run("stdio")
raise SystemExit(3)
"""


def _message(number: int | None, method: str, **params: object) -> str:
    message: dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message if number is None else {**message, "id": number})


def _conversation() -> str:
    info = {"name": "test", "version": "1"}
    hostile = {"traceparent": ["x"], "tracestate": "a" * 100_000, "x": {"deep": [[[]]]}}
    lines = [
        _message(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=info),
        _message(None, "notifications/initialized"),
        _message(2, "tools/call", name="add", arguments={"a": 1, "b": 2}),
        _message(3, "tools/call", name="boom", arguments={}),
        _message(4, "tools/call", name="nobody", arguments={}),
        _message(5, "nobody/knows"),
        _message(6, "tools/call", name="add", arguments={"a": 1, "b": 2}, _meta=hostile),
        _message(7, "resources/read", uri="memo://nowhere"),
        _message(8, "ping"),
    ]
    return "".join(line + "\n" for line in lines)


def _run(program: str) -> tuple[int, dict[object, object], bytes]:
    """Return the exit code, the answers by their ids (whose order is the server's business), and what is on stderr."""
    with tempfile.TemporaryFile() as stderr:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # what it died of is on stderr, and the answers are missing
            process.stdin.write(_conversation().encode())
            process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(8)]
        rest, _ = process.communicate(timeout=50)
        stderr.seek(0)
        answers = [json.loads(line) for line in [*lines, *rest.splitlines()] if line]
        return process.returncode, {answer["id"]: answer for answer in answers}, stderr.read()


@pytest.fixture(scope="module")
def bare() -> tuple[int, dict[object, object], bytes]:
    return _run(SERVE)


@pytest.mark.parametrize("what", ["begin", "span", "metrics", "export", "all"])
def test_bytes_and_exit_code_are_the_bare_ones(what: str, bare: tuple[int, dict[object, object], bytes]) -> None:
    code, answers, _ = bare
    assert code == 3
    assert len(answers) == 8
    watched_code, watched, errors = _run(f"WHAT = {what!r}\n{BREAK}\n{SERVE}")
    assert (watched_code, watched) == (code, answers), errors.decode()[-2000:]
    assert sdk.SECRET.encode() not in b"".join(line for line in errors.splitlines() if b"telemetry" in line)
