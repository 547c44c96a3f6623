"""Over stdio, where the server is a process of its own: both sides' spans are one trace over a pipe."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio.to_thread
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.store.model import Span
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import select_runs
from tests.support import everything, sdk
from tests.support.telemetry import Capture, attributes

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parent.parent.parent
_ALL = {*everything.AT_THE_SERVER, *everything.AT_THE_CLIENT}
INSTRUMENT = str(Path(sys.executable).parent / "opentelemetry-instrument")


def wait_for_ping(store: Path) -> None:
    wait_for(store, "ping", 1)


def wait_for(store: Path, name: str, times: int) -> None:
    deadline = time.monotonic() + 20
    while sum(file.read_text().count(name) for file in store.rglob("*.jsonl")) < times:
        assert time.monotonic() < deadline, "the server records nothing"
        time.sleep(0.05)


def _recording(store: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GROUNDHOG_DIR": str(store),
        "OTEL_TRACES_EXPORTER": "groundhog_file",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }


async def _calls_over_stdio(store: Path) -> list[Span]:
    """Make calls to an instrumented server process; return what it has recorded."""
    environment = _recording(store)
    async with sdk.over_stdio(INSTRUMENT, sys.executable, "-m", "tests.support.sdk", env=environment) as session:
        await session.call_tool("add", {"a": 1, "b": 2})
        await session.call_tool("boom", {})
        await session.send_ping()
        # The client of mcp 1.10 ends its server by SIGTERM at once: what is not written by then is lost.
        await anyio.to_thread.run_sync(wait_for_ping, store)
    return list(read_runs(select_runs(store)).spans)


async def test_both_sides_of_a_pipe_are_one_trace(capture: Capture, tmp_path: Path) -> None:
    recorded = await _calls_over_stdio(tmp_path)
    for name in ("initialize", "notifications/initialized", "tools/call add", "tools/call boom", "ping"):
        client = capture.one(SpanKind.CLIENT, name)
        (server,) = [span for span in recorded if span.name == name]
        assert server.kind == "server"
        assert server.trace_id == f"{client.context.trace_id:032x}"
        assert server.parent_id == f"{client.context.span_id:016x}"
        for found in (attributes(client), server.attributes):
            assert found[semconv.NETWORK_TRANSPORT] == "pipe"
            assert semconv.NETWORK_PROTOCOL_NAME not in found
            assert semconv.MCP_SESSION_ID not in found
            assert semconv.SERVER_ADDRESS not in found
    assert {span.name for span in recorded if span.status == "error"} == {"tools/call boom"}


async def test_every_message_has_one_span_in_each_process(capture: Capture, tmp_path: Path) -> None:
    command = (INSTRUMENT, sys.executable, "-m", "tests.support.everything")
    async with sdk.over_stdio(*command, env=_recording(tmp_path), **everything.callbacks()) as session:
        await everything.exchange(session)
        await session.get_prompt("greet", {"name": "the last"})
        # In its name and in an attribute, of this call and of the one before.
        await anyio.to_thread.run_sync(wait_for, tmp_path, "prompts/get", 4)
    there = [span for span in read_runs(select_runs(tmp_path)).spans if span.name in _ALL]
    here = [span for span in capture.spans() if span.name in _ALL]
    # Each message is a CLIENT span in one process and a SERVER span, its child, in the other.
    sent = {f"{span.context.span_id:016x}": span.name for span in here if span.kind is SpanKind.CLIENT}
    received = {span.parent_id: span.name for span in there if span.kind == "server"}
    assert received == sent
    sent_there = {span.span_id: span.name for span in there if span.kind == "client"}
    received_here = {
        f"{span.parent.span_id:016x}": span.name for span in here if span.kind is SpanKind.SERVER and span.parent
    }
    assert received_here == sent_there
    assert set(sent.values()) == set(everything.AT_THE_SERVER)
    assert set(sent_there.values()) == set(everything.AT_THE_CLIENT)
    assert len(there) == len(here) == len(sent) + len(sent_there)
    (session_point,) = capture.points(semconv.MCP_CLIENT_SESSION_DURATION)
    assert (session_point.attributes or {})[semconv.NETWORK_TRANSPORT] == "pipe"
