"""What comes of the telemetry, and of the process, when a stdio server ends: with a Collector or without.

An MCP client gives its server 2 s after the end of its input, and 2 s more after SIGTERM.
"""

from __future__ import annotations

import io
import signal

import anyio
import pytest

from groundhog_otel.settings import McpSettings
from tests.support import otlp
from tests.support.processes import CALL, HANDSHAKE, QUIET, SPANS, StdioServer, python, sample_server
from tests.support.telemetry import capturing

ENDS = {
    "eof": ((), True, 0),
    "SIGINT": ((signal.SIGINT,), True, -signal.SIGINT),
    "SIGTERM": ((signal.SIGTERM,), False, -signal.SIGTERM),
}
LONGEST_S = 6.0
"""Well above the 2 s a client waits, because Python's own end may be slow; the SDK's shutdown takes 7 s and more."""
TALKATIVE = """
import logging
from tests.support import sdk
server = sdk.make_server()
logging.basicConfig(level="WARNING", format="%(message)s", force=True)
server.run("stdio")
"""


@pytest.mark.parametrize(
    ("end", "protocol", "delay_s"),
    [
        ("eof", "grpc", 0.5),
        ("eof", "http/protobuf", 0.5),
        ("SIGINT", "grpc", 0.0),
        ("SIGTERM", "grpc", 0.0),
        ("SIGTERM", "http/protobuf", 0.5),
    ],
)
def test_everything_arrives_once_whatever_ends_the_server(end: str, protocol: otlp.Protocol, delay_s: float) -> None:
    signals, close, _ = ENDS[end]
    with otlp.receiving(delay_s) as receiver:
        sample_server(**receiver.environment(protocol)).end(*signals, close=close)
        assert receiver.names(server=True) == SPANS
        assert "mcp.server.operation.duration" in receiver.metrics


@pytest.mark.parametrize(
    ("end", "how", "protocol"),
    [
        ("eof", "refused", "grpc"),
        ("eof", "silent", "grpc"),
        ("eof", "blackhole", "grpc"),
        ("eof", "refused", "http/protobuf"),
        ("eof", "silent", "http/protobuf"),
        ("SIGTERM", "silent", "grpc"),
    ],
)
def test_without_a_collector_it_ends_in_time_and_as_it_would(
    end: str, how: otlp.Death, protocol: otlp.Protocol
) -> None:
    signals, close, code = ENDS[end]
    with otlp.dead(how) as address:
        server = StdioServer(python("-c", TALKATIVE), **_sending_to(address, protocol))
        server.say(HANDSHAKE + CALL, answers=2)
        ended = server.end(*signals, close=close)
    assert ended.code == code
    assert ended.seconds < LONGEST_S
    said = [line for line in ended.err.splitlines() if line]
    assert len(said) == (1 if end == "eof" else 0), ended.err
    assert all(address in line for line in said)


def _sending_to(address: str, protocol: otlp.Protocol) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": address}


def test_a_span_of_the_programs_own_last_step_arrives_too() -> None:
    code = """
import atexit
from opentelemetry import trace
from tests.support import sdk
atexit.register(lambda: trace.get_tracer("test").start_span("last words").end())
sdk.make_server().run("stdio")
"""
    with otlp.receiving() as receiver:
        server = StdioServer(python("-c", code), **receiver.environment())
        server.say(HANDSHAKE, answers=1)
        server.end()
        assert "last words" in receiver.names()


def test_the_exit_can_be_left_to_the_sdk() -> None:
    """Which then waits for as long as the exporter's own time-out."""
    with otlp.dead("silent") as address:
        own = {"OTEL_EXPORTER_OTLP_TIMEOUT": "4", "OTEL_PYTHON_MCP_EXIT_TIMEOUT": "none"}
        ended = sample_server(**_sending_to(address, "grpc"), **own).end()
    assert ended.seconds > 4


def test_a_call_under_way_at_sigterm_is_recorded_as_cancelled() -> None:
    nap = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nap","arguments":{"seconds":30}}}\n'
    ping = '{"jsonrpc":"2.0","id":3,"method":"ping"}\n'
    with otlp.receiving() as receiver:
        server = sample_server(**receiver.environment())
        server.say(nap + ping, answers=1)
        assert server.end(signal.SIGTERM, close=False).code == -signal.SIGTERM
        assert receiver.names(server=True) == sorted([*SPANS, "ping", "tools/call nap"])


OWN_HANDLER = """
import signal, sys
def own(number, frame):
    print("mine", file=sys.stderr, flush=True)
    sys.exit(5)
{before}
from tests.support import sdk
server = sdk.make_server()
{during}
server.run("stdio")
"""
SET = "signal.signal(signal.SIGTERM, own)"
SET_LATER = f"""
async def late() -> int:
    {SET}
    return 1
server.tool()(late)
"""


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_handler_of_the_programs_own_is_the_only_one(when: str) -> None:
    code = OWN_HANDLER.format(before=SET if when == "before" else "", during=SET_LATER if when == "during" else "")
    late = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"late","arguments":{}}}\n'
    server = StdioServer(python("-c", code), **QUIET)
    server.say(HANDSHAKE + (late if when == "during" else ""), answers=2 if when == "during" else 1)
    ended = server.end(signal.SIGTERM)
    assert "mine" in ended.err


NoFlush = McpSettings(flush_on_sigterm=False)


@pytest.mark.anyio
@pytest.mark.parametrize(("settings", "ours"), [(McpSettings(), True), (NoFlush, False)])
async def test_the_handler_is_there_if_wanted_and_goes_with_the_instrumentation(
    settings: McpSettings, ours: bool
) -> None:
    with capturing(settings):
        from mcp.server.stdio import stdio_server

        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        empty = anyio.wrap_file(io.StringIO())
        async with stdio_server(empty, empty) as (read, write), read, write:
            assert (signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL) is ours
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
