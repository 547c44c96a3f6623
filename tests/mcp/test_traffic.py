"""The bytes that we count against the bytes that somebody else counted, on real pipes and real sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import NumberDataPoint

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.mcp.traffic import METRIC, PIPE_CLIENT, Route, totals
from tests.support import sdk
from tests.support.telemetry import Capture, capturing

_SERVER = """
import json, sys
from tests.support import sdk
from tests.support.telemetry import capturing
from tests.mcp.test_traffic import reported
with capturing() as capture:
    sdk.make_server().run("stdio")
    with open(sys.argv[1], "w") as file:
        json.dump(sorted(reported(capture).items()), file)
"""

_RELAY = """
import os, subprocess, sys, threading
child = subprocess.Popen([sys.executable, "-m", "tests.support.sdk"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def pass_on(source, target, name):
    seen = 0
    while data := os.read(source, 65536):
        seen += len(data)
        with open(f"{sys.argv[1]}/{name}", "w") as file:
            file.write(str(seen))
        os.write(target, data)
    os.close(target)
threading.Thread(target=pass_on, args=(0, child.stdin.fileno(), "transmit"), daemon=True).start()
pass_on(child.stdout.fileno(), 1, "receive")
"""


def _points(capture: Capture) -> list[NumberDataPoint]:
    collected = capture.reader.get_metrics_data()
    return [
        point
        for resource in (collected.resource_metrics if collected is not None else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == METRIC and metric.unit == "By" and scope.scope.name == "groundhog_otel.mcp"
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    ]


def reported(capture: Capture) -> dict[tuple[str, ...], int]:
    """Return what the metric says, by role, transport and direction."""
    keys = ("groundhog.role", "network.transport", "network.io.direction")
    return {tuple(str((point.attributes or {})[key]) for key in keys): int(point.value) for point in _points(capture)}


def _since(before: dict[tuple[str, ...], int], after: dict[tuple[str, ...], int]) -> Counter[Any]:
    return Counter(after) - Counter(before)


@pytest.fixture
def before() -> dict[tuple[str, ...], int]:
    """What this process has counted up to now: the numbers are the process', not a provider's."""
    with capturing() as capture:
        return reported(capture)


def test_a_stdio_server_counts_what_crosses_its_pipes(tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "gräfin-日本", "version": "1"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 1, "b": 2}}},
        {"id": 3, "method": "prompts/get", "params": {"name": "greet", "arguments": {"name": "日本" * 9000}}},
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(tmp_path / "totals")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    sent = got = 0
    for message in messages:
        # Raw UTF-8 and carriage returns: characters and bytes are not the same number.
        line = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode() + b"\r\n"
        process.stdin.write(line)
        process.stdin.flush()
        sent += len(line)
        if "id" in message:
            answer = process.stdout.readline()
            assert json.loads(answer)["id"] == message["id"]
            got += len(answer)
    process.stdin.close()
    got += len(process.stdout.read())
    assert process.wait(30) == 0
    process.stdout.close()
    totals = {tuple(key): value for key, value in json.loads((tmp_path / "totals").read_text())}
    assert totals == {("server", "pipe", "receive"): sent, ("server", "pipe", "transmit"): got}
    assert sent > 50_000


@pytest.mark.anyio
async def test_a_stdio_client_counts_what_crosses_its_pipes(tmp_path: Path, before: dict[tuple[str, ...], int]) -> None:
    with capturing() as capture:
        async with sdk.over_stdio(
            sys.executable, "-c", _RELAY, str(tmp_path), env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            await session.get_prompt("greet", {"name": "日本" * 5000})
            await session.list_tools()
        spent = _since(before, reported(capture))
    relayed = {name: int((tmp_path / name).read_text()) for name in ("receive", "transmit")}
    assert spent == {("client", "pipe", name): size for name, size in relayed.items()}
    assert relayed["receive"] > 30_000


class _Recording:
    """An ASGI application around the server's, which adds up the bodies."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.seen: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def receiving() -> Any:
            message = await receive()
            self.seen["receive"] += len(message.get("body", b""))
            return message

        async def sending(message: Any) -> None:
            self.seen["transmit"] += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receiving, sending)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "served",
    [{"stateless": stateless, "json_response": answers} for stateless in (False, True) for answers in (False, True)]
    + [{"sse": True}],
)
async def test_both_ends_of_http_count_the_bodies(served: dict[str, bool], before: dict[tuple[str, ...], int]) -> None:
    recordings: list[_Recording] = []

    def around(app: Any) -> Any:
        recordings.append(_Recording(app))
        return recordings[0]

    with capturing() as capture:
        options: dict[str, Any] = dict(served)
        with sdk.http_server(around=around, **options) as url:
            async with (sdk.over_sse if "sse" in served else sdk.over_http)(url) as session:
                await session.call_tool("add", {"a": 1, "b": 2})
                await session.get_prompt("greet", {"name": "日本" * 5000})
                assert (await session.call_tool("boom", {})) is not None
        spent = _since(before, reported(capture))
    (recording,) = recordings
    assert recording.seen["transmit"] > 10_000
    assert spent == {
        ("server", "tcp", "receive"): recording.seen["receive"],
        ("server", "tcp", "transmit"): recording.seen["transmit"],
        ("client", "tcp", "transmit"): recording.seen["receive"],
        ("client", "tcp", "receive"): recording.seen["transmit"],
    }


def test_on_and_off_and_on_again_is_one_metric() -> None:
    capture, instrumentor = Capture(), McpInstrumentor()
    PIPE_CLIENT.receive(1)
    for _ in range(2):
        instrumentor.instrument(meter_provider=capture.meter_provider, tracer_provider=capture.tracer_provider)
        assert len(_points(capture)) == len(totals()) > 0
        instrumentor.uninstrument()
        assert not _points(capture)
    capture.meter_provider.shutdown()
    capture.tracer_provider.shutdown()


def test_no_addition_is_lost_between_threads() -> None:
    route = Route("client", "tcp")

    def add() -> None:
        for _ in range(20_000):
            route.receive(3)
            route.transmit(2)

    threads = [Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {found["network.io.direction"]: value for value, found in route.observations()} == {
        "receive": 360_000,
        "transmit": 240_000,
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_begins_at_zero() -> None:
    code = (
        "import os\nfrom groundhog_otel.mcp.traffic import TCP_SERVER, totals\nTCP_SERVER.receive(5)\n"
        "if os.fork() == 0: TCP_SERVER.transmit(2); print([n for n, _ in totals()], flush=True); os._exit(0)\n"
        "os.wait()\nprint([n for n, _ in totals()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[2]\n[5]\n"
