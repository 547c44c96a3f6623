"""One trace with programs that still speak ``uber-trace-id``, by the propagator of the extra ``jaeger``."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import pytest
from opentelemetry import propagate
from opentelemetry.propagators.jaeger import JaegerPropagator
from opentelemetry.trace import SpanKind

from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(find_spec("jaeger_client") is None, reason="jaeger-client is in the main environment only"),
]
PROGRAM = str(Path(__file__).with_name("legacy_jaeger.py"))


@pytest.fixture(autouse=True)
def _jaeger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagate, "propagator", JaegerPropagator())  # what OTEL_PROPAGATORS=jaeger sets up


async def test_a_legacy_caller_is_the_parent(capture: Capture) -> None:
    with sdk.http_server(stateless=True, json_response=True) as url:
        command = [sys.executable, PROGRAM, "call", url]
        done = await anyio.to_thread.run_sync(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        )
        assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    server = capture.one(SpanKind.SERVER, "tools/call add")
    assert f"{server.context.trace_id:032x}" == told["trace"]
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == told["span"]


async def test_a_legacy_server_is_the_child(capture: Capture, tmp_path: Path) -> None:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters: Any = StdioServerParameters(command=sys.executable, args=[PROGRAM, "serve"])
    errors = tmp_path / "stderr"
    with errors.open("w") as errlog:
        async with stdio_client(parameters, errlog=errlog) as streams, ClientSession(*streams) as session:
            await session.initialize()
            await session.call_tool("anything", {})
    told = json.loads(errors.read_text().splitlines()[-1])
    client = capture.one(SpanKind.CLIENT, "tools/call anything")
    assert told["trace"] == f"{client.context.trace_id:032x}"
    assert told["parent"] == client.context.span_id
