"""Real processes: unmodified servers under ``opentelemetry-instrument``, and the commands that ask them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from groundhog_otel.monitor import sources
from groundhog_otel.monitor.announced import answering
from groundhog_otel.monitor.metrics import from_json
from groundhog_otel.settings.profiling import control_directory
from groundhog_otel.store import StoreError
from tests.monitor.asking import ask
from tests.support.processes import HANDSHAKE, QUIET, ROOT, Ended, StdioServer, environment, python, sample_server
from tests.support.receiver import receiving

PORT = "OTEL_PYTHON_GROUNDHOG_HEALTH_PORT"
GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


def _soon(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _url(pid: int) -> str:
    found = _soon(lambda: list(answering(pid)))
    assert found, "it has not announced itself"
    url: str = found[0].url
    return url


def _groundhog(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GROUNDHOG, *words], env=environment(**more), capture_output=True, text=True, timeout=50, check=False
    )


@pytest.fixture
def server() -> Iterator[StdioServer]:
    found = sample_server(**QUIET, **{PORT: "0"})
    yield found
    if found._process.poll() is None:
        found.end()


def test_an_unmodified_server_answers_for_its_health(server: StdioServer) -> None:
    pid = server._process.pid
    url = _url(pid)
    assert ask(url, "/livez").status == 200
    ready = ask(url, "/readyz")
    assert (ready.status, ready.said["event_loop"]) == (200, "answers")
    metrics = from_json(ask(url, "/metrics.json").said)
    assert metrics.pid == pid
    assert [one.key.name for one in metrics.operations] == ["initialize", "notifications/initialized", "tools/call add"]
    assert metrics.others == {}
    network = metrics.health["network"]
    assert (network.unit, network.state) in [("By/s", "ok"), ("By/s", "unknown")]
    asked = _groundhog("health", str(pid), "--json")
    (process,) = json.loads(asked.stdout)["processes"]
    assert (process["pid"], process["running"], process["loop_answers"]) == (pid, True, True)
    assert process["budgets"]["command"]["worst"] == "tools/call add"
    assert asked.returncode == (0 if process["state"] != "over" else 3)
    shown = _groundhog("top", str(pid))
    assert shown.returncode == 0, shown.stderr
    assert "tools/call add" in shown.stdout
    ended = server.end()
    assert (ended.code, ended.err) == (0, "")
    assert not list(control_directory().glob(f"{pid}.health.json"))


def test_what_has_started_the_process_is_as_good_as_its_number(tmp_path: Path) -> None:
    run = [
        GROUNDHOG,
        "run",
        "--dir",
        str(tmp_path),
        "--interval",
        "0.3",
        "--",
        *python("-m", "tests.support.sdk", watched=False),
    ]
    server = StdioServer(run, **{PORT: "0"})
    server.say(HANDSHAKE + _call(1, "nap", seconds=0.1), answers=2)
    _url(server._process.pid)
    asked = _groundhog("health", str(server._process.pid))
    assert asked.returncode == 3, asked.stderr
    assert re.search(r"over +command: 1\d\d ms of 50 ms \(tools/call nap\), of one call", asked.stdout), asked.stdout

    def recorded() -> bool:
        return "tools/call nap" in _groundhog("top", str(tmp_path)).stdout

    assert _soon(recorded), "the folder that is being written tells, too"
    during = _groundhog("top", str(tmp_path)).stdout
    assert "ended" not in during.splitlines()[0]
    assert server.end().code == 0
    after = _groundhog("top", GROUNDHOG_DIR=str(tmp_path)).stdout
    assert re.search(r", ended  last .*  over budget: command", after), after
    assert _groundhog("health", str(tmp_path)).returncode == 3


def _call(number: int, tool: str, **arguments: object) -> str:
    params = {"name": tool, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}) + "\n"


BLOCKING = """
import time
from tests.support import sdk
server = sdk.make_server()

@server.tool()
async def block(seconds: float) -> str:
    time.sleep(seconds)
    return "done"

server.run("stdio")
"""


def test_a_blocked_server_is_not_ready_and_alive_all_the_same() -> None:
    server = StdioServer(python("-c", BLOCKING), **QUIET, **{PORT: "0"})
    server.say(HANDSHAKE, answers=1)
    server.say(_call(1, "block", seconds=12), answers=0)
    url = _url(server._process.pid)
    blocked = _soon(lambda: (answer := ask(url, "/readyz")).status == 503 and answer)
    assert blocked.said["event_loop"] == "blocked"
    assert ask(url, "/livez").status == 200
    asked = _groundhog("health", str(server._process.pid))
    assert (asked.returncode, "an event loop does not answer" in asked.stdout) == (4, True)
    server.say("", answers=1)
    assert ask(url, "/readyz").status == 200
    server.end()


def _told(ended: Ended) -> list[str]:
    return [line for line in ended.err.splitlines() if "health" in line]


def test_a_port_that_is_taken_is_one_line_and_the_server_serves() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = sample_server(**QUIET, **{PORT: port}).end()
    assert ended.code == 0
    (line,) = _told(ended)
    assert f"cannot listen on 127.0.0.1 port {port}" in line
    assert '"result"' in ended.out


def test_the_servers_output_is_the_same_with_it_and_without() -> None:
    plain = sample_server(**QUIET).end()
    watched = sample_server(**QUIET, **{PORT: "0", "OTEL_PYTHON_GROUNDHOG_MONITOR_INTERVAL": "none"}).end()
    assert (watched.code, watched.out, watched.err) == (plain.code, plain.out, plain.err)


@pytest.mark.parametrize(
    "setting", [{}, {PORT: "none"}, {PORT: "0", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "groundhog_monitor"}]
)
def test_it_is_off_unless_asked_for(setting: dict[str, str]) -> None:
    program = (
        "import sys, threading\n"
        "print([name for name in sys.modules if name.startswith('groundhog_otel.monitor.')],"
        " [thread.name for thread in threading.enumerate() if 'groundhog' in thread.name])"
    )
    done = subprocess.run(
        python("-c", program), env=environment(**QUIET, **setting), cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = [] if "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in setting else ["groundhog_otel.monitor.instrumentor"]
    assert done.stdout.strip() == f"{loaded} []"


def test_the_budgets_reach_a_collector() -> None:
    with receiving() as receiver:
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        server = sample_server(**exporting, **{PORT: "0"}, OTEL_METRIC_EXPORT_INTERVAL="300", OTEL_LOGS_EXPORTER="none")
        assert server.end().code == 0
        points = receiver.metrics["groundhog.budget.utilization"].gauge.data_points
    found = {point.attributes[0].value.string_value: point.as_double for point in points}
    assert {"command", "memory"} <= set(found)
    assert 0 < found["memory"] < 1


FORK = """
import asyncio, os, sys
from groundhog_otel.monitor.announced import answering
from groundhog_otel.monitor.instrumentor import MonitorInstrumentor
from tests.support import sdk

async def main():
    async with sdk.in_memory(sdk.make_server()) as session:
        await session.call_tool("add", {"a": 1, "b": 2})

asyncio.run(main())
living = MonitorInstrumentor().living
parent = living.url
child = os.fork()
if child == 0:
    before = living.url
    asyncio.run(main())
    asyncio.run(main())
    from tests.monitor.asking import ask
    if living.url is None:
        print("none", before, flush=True)
    else:
        said = ask(living.url, "/metrics.json").said
        calls = [one["count"] for one in said["operations"] if one["target"] == "add"]
        print(living.url != parent, before, said["pid"] == os.getpid(), calls, flush=True)
    os._exit(0)
os.wait()
from tests.monitor.asking import ask
said = ask(parent, "/metrics.json").said
print(said["pid"] == os.getpid(), [one["count"] for one in said["operations"] if one["target"] == "add"])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize("given", ["any", "one"])
def test_a_forked_worker_answers_for_itself_where_there_is_a_port_for_it(given: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = "0" if given == "any" else str(free.getsockname()[1])
    done = subprocess.run(
        python("-c", FORK), env=environment(**QUIET, **{PORT: port}), cwd=ROOT, capture_output=True, text=True,
        timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    child, parent = done.stdout.splitlines()
    # Its first call begins before it listens, and is counted all the same.
    assert child == ("True None True [2, 2]" if given == "any" else "none None")
    assert parent == "True [1, 1]"


def test_an_endpoint_of_a_child_dies_with_it_and_its_parents_does_not() -> None:
    """A child that forgot to close the parent's socket would hold the port after the parent's end."""
    program = (
        "import os, sys\n"
        "from groundhog_otel.monitor.instrumentor import MonitorInstrumentor\n"
        "url = MonitorInstrumentor().living.url\n"
        "reading, writing = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.write(writing, b'.'); sys.stdin.read(); os._exit(0)\n"
        "os.read(reading, 1)\n"
        "print(url, child, flush=True)\n"
        "os._exit(0)"
    )
    with subprocess.Popen(
        python("-c", program), env=environment(**QUIET, **{PORT: "0"}), cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        url, child = process.stdout.readline().split()
        process.wait(20)
        assert psutil.pid_exists(int(child))
        with pytest.raises(ConnectionRefusedError):
            ask(url, "/livez")
        process.stdin.close()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("4194305", "there is no process 4194305: find it with ps"),
        pytest.param(
            str(os.getpid()),
            f"process {os.getpid()} does not answer for its health: start it with {PORT}=0, or name the",
            id="this process",
        ),
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer ([Errno 111] Connection refused): was the process"),
        ("http://", "'http://' is not the address of a process. Write http://host:port"),
        ("http://[", "'http://[' is not the address of a process. Write http://host:port"),
        ("no-such-folder", "there is no folder no-such-folder: nothing was recorded yet."),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(what: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        sources.open_source(what, tmp_path).look()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_another_server_is_told_from_ours() -> None:
    with (
        receiving() as receiver,
        pytest.raises(StoreError, match=r"answers (4|5)\d\d: is it the port that|answers something else"),
    ):
        sources.open_source(receiver.url, Path()).look()


def test_the_commands_exit_codes() -> None:
    asked = _groundhog("health", "http://127.0.0.1:1")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("groundhog: http://127.0.0.1:1 does not answer")
    assert _groundhog("top", "4194305").returncode == 1
