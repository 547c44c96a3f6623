"""Real processes under ``opentelemetry-instrument``: what they print, how they end, what they say."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.mcp.notice import UnreachableNotice

BIN = Path(sys.executable).parent
INSTRUMENT = str(BIN / "opentelemetry-instrument")
ROOT = Path(__file__).resolve().parent.parent.parent
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}

SPAN = """
import sys
from opentelemetry import trace
with trace.get_tracer("test").start_as_current_span("a"):
    sys.stdout.write("out\\n")
trace.get_tracer_provider().force_flush()
sys.exit(3)
"""


def _run(*command: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_an_unreachable_collector_is_one_message_and_nothing_else(protocol: str) -> None:
    done = _run(INSTRUMENT, sys.executable, "-c", SPAN, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, **NOWHERE)
    assert (done.returncode, done.stdout) == (3, "out\n")
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    assert "No Collector takes telemetry at http://127.0.0.1:9" in lines[0]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in lines[0]


def test_what_is_not_about_reaching_it_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    notice = UnreachableNotice()
    log = logging.getLogger("opentelemetry.exporter.otlp.common.http")
    notice.install()
    try:
        log.error("Failed to export %s batch code: %s, reason: %s", "span", 401, "Unauthorized")
        log.error("Failed to export %s batch due to timeout, max retries or shutdown.", "span")
        log.error("Failed to export %s batch due to timeout, max retries or shutdown.", "metric")
    finally:
        notice.remove()
    log.error("Failed to export %s batch due to timeout, max retries or shutdown.", "span")
    messages = [record.getMessage() for record in caplog.records]
    assert [message[:18] for message in messages] == ["Failed to export s", "No Collector takes", "Failed to export s"]


def test_a_stdio_servers_output_is_the_protocol_and_nothing_else() -> None:
    """Byte for byte what the bare server answers to the same handshake and call."""
    messages = (
        '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
        '"clientInfo":{"name":"test","version":"1"}}}\n'
        '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2}}}\n'
    )
    server = [sys.executable, "-m", "tests.support.sdk"]
    bare = _talk(server, messages, answers=2)
    watched = _talk([INSTRUMENT, *server], messages, answers=2, **NOWHERE)
    assert bare[0].startswith("{")
    assert watched == bare


def _talk(command: list[str], messages: str, *, answers: int, **environment: str) -> tuple[str, int]:
    """Return all that a server writes to standard output, and its exit code; its input ends after its last answer."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(messages)
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(answers)]
        process.stdin.close()
        rest = process.stdout.read()
        return "".join(sorted(lines)) + rest, process.wait(55)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OTEL_PYTHON_MCP_NATIVE_SPANS", "both", "Write replace or keep."),
        ("OTEL_PYTHON_GROUNDHOG_RESOURCES", "cpu", "OTEL_PYTHON_GROUNDHOG_RESOURCES='cpu' is not understood"),
    ],
)
def test_a_wrong_value_is_one_message_and_the_program_goes_on(variable: str, value: str, said: str) -> None:
    quiet = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", variable: value}
    done = _run(INSTRUMENT, sys.executable, "-c", "print('out')", **quiet)
    assert (done.returncode, done.stdout) == (0, "out\n")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_disabled_by_name_or_altogether_it_does_nothing() -> None:
    code = (
        "from mcp import ClientSession as c; import sys\n"
        "names = ('_received_request', '_on_request')\n"
        "print(any(hasattr(vars(c).get(n), '__wrapped__') for n in names))"
    )
    quiet = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    assert _run(INSTRUMENT, sys.executable, "-c", code, **quiet).stdout == "True\n"
    off = _run(INSTRUMENT, sys.executable, "-c", code, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="groundhog_mcp", **quiet)
    assert off.stdout == "False\n"
    disabled = _run(INSTRUMENT, sys.executable, "-c", "print('out')", OTEL_SDK_DISABLED="true")
    assert (disabled.stdout, disabled.stderr) == ("out\n", "")
