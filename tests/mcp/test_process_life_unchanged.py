"""An instrumented program ends as it would have: exit code, standard output, and no complaint about contexts."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import logging
import signal
from collections.abc import Iterator

import anyio
import pytest
from opentelemetry.trace import SpanKind

from tests.support import sdk
from tests.support.processes import CALL, HANDSHAKE, QUIET, Ended, StdioServer, python
from tests.support.telemetry import Capture

ENDING = """
import os, sys
from tests.support import sdk
server = sdk.make_server()
try:
    server.run("stdio")
finally:
    if not sys.stdout.closed:  # mcp 1.x closes it
        print("bye", flush=True)
{end}
"""
ENDS = {
    "normal": ("", ()),
    "exception": ("raise RuntimeError('end')", ()),
    "sys.exit": ("sys.exit(3)", ()),
    "os._exit": ("os._exit(4)", ()),
    "SIGTERM": ("", (signal.SIGTERM,)),
    "SIGINT": ("", (signal.SIGINT,)),
}


def _ended(end: str, *, watched: bool) -> Ended:
    code, signals = ENDS[end]
    server = StdioServer(python("-c", ENDING.format(end=code), watched=watched), **QUIET)
    server.say(HANDSHAKE + CALL, answers=2)
    return server.end(*signals)


@pytest.mark.parametrize("end", ENDS)
def test_exit_code_and_output_are_those_of_the_bare_program(end: str) -> None:
    bare, watched = _ended(end, watched=False), _ended(end, watched=True)
    assert (watched.code, _said(watched)) == (bare.code, _said(bare))
    if end not in ("normal", "SIGINT"):  # which ends in an orderly way, if the server gets that far
        assert bare.code != 0


def _said(ended: Ended) -> str:
    """Return standard output; mcp 1.x closes it whenever it happens to be collected, before the program's last word."""
    return ended.out if sdk.IS_V2 else ended.out.removesuffix("bye\n")


def test_what_prints_telemetry_prints_it_to_standard_error() -> None:
    """Standard output is the connection, down to the first byte and after the last call."""
    exporters = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console", "OTEL_LOGS_EXPORTER": "none"}
    bare = _talk(python("-m", "tests.support.sdk", watched=False))
    watched = _talk(python("-m", "tests.support.sdk"), OTEL_BSP_SCHEDULE_DELAY="50", **exporters)
    assert watched.out[0] == "{"
    assert watched.out == bare.out
    assert '"name": "tools/call add"' in watched.err
    assert '"mcp.server.operation.duration"' in watched.err


def _talk(command: list[str], **environment: str) -> Ended:
    server = StdioServer(command, **environment)
    server.say(HANDSHAKE, answers=1)
    for _ in range(5):
        server.say(CALL, answers=1)
    return server.end()


def test_moving_the_console_is_one_warning() -> None:
    code = """
import logging, sys
from tests.support import sdk
server = sdk.make_server()
logging.basicConfig(level="WARNING", format="%(message)s", force=True)
server.run("stdio")
"""
    exporters = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console", "OTEL_LOGS_EXPORTER": "none"}
    server = StdioServer(python("-c", code), **exporters)
    server.say(HANDSHAKE, answers=1)
    said = [line for line in server.end().err.splitlines() if "would print telemetry" in line]
    assert len(said) == 1
    assert said[0].startswith("ConsoleSpanExporter, ConsoleMetricExporter would print")


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Return what the context API logs; anything at all fails the test."""
    found: list[str] = []
    with caplog.at_level(logging.DEBUG, "opentelemetry.context"):
        yield found
        gc.collect()
        found += [record.getMessage() for record in caplog.records if record.name == "opentelemetry.context"]
    assert found == []


@pytest.mark.anyio
@pytest.mark.usefixtures("complaints")
async def test_a_call_that_is_cancelled_detaches_quietly(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        with anyio.move_on_after(0.2):
            await session.call_tool("nap", {"seconds": 30})
        await session.send_ping()
    assert len(capture.spans(name="tools/call nap")) == 2


@pytest.mark.anyio
@pytest.mark.usefixtures("complaints")
async def test_a_session_that_is_closed_during_a_call_detaches_quietly(capture: Capture) -> None:
    async with anyio.create_task_group() as tasks:
        async with sdk.in_memory(sdk.make_server()) as session:

            async def call() -> None:
                with contextlib.suppress(Exception):
                    await session.call_tool("nap", {"seconds": 30})

            tasks.start_soon(call)
            await anyio.sleep(0.2)
        tasks.cancel_scope.cancel()
    assert len(capture.spans(name="tools/call nap")) == 2


@pytest.mark.anyio
@pytest.mark.usefixtures("complaints")
async def test_a_call_that_is_thrown_away_detaches_quietly(capture: Capture) -> None:
    """What the garbage collector does to an abandoned coroutine: it closes it, in whatever context runs then."""
    async with sdk.in_memory(sdk.make_server()) as session:
        calls = [session.call_tool("nap", {"seconds": 0.01})]
        contextvars.copy_context().run(calls[0].send, None)
        with contextlib.suppress(ValueError):  # mcp 2.3 trips over a variable of its own then
            contextvars.copy_context().run(calls.pop().close)
        await session.send_ping()
    assert len(capture.spans(SpanKind.CLIENT, "tools/call nap")) == 1
