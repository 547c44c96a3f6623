"""Processes that an instrumented program starts: forked, spawned, HTTP workers, servers over stdio."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest

from groundhog_otel.settings import McpSettings, forwarded_environment
from tests.support import otlp, sdk
from tests.support.processes import ROOT, environment, python

CALLS = """
import multiprocessing, sys
import anyio
from tests.support import sdk

async def call():
    async with sdk.over_stdio(sys.executable, "-m", "tests.support.sdk", env={"PYTHONPATH": "."}) as session:
        await session.send_ping()

def work():
    anyio.run(call)

if __name__ == "__main__":
    work()
    context = multiprocessing.get_context(sys.argv[1])
    workers = [context.Process(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(max(worker.exitcode for worker in workers))
"""


@pytest.mark.parametrize(("method", "protocol"), [("fork", "grpc"), ("fork", "http/protobuf"), ("spawn", "grpc")])
def test_spans_of_every_process_arrive_once(tmp_path: Path, method: str, protocol: otlp.Protocol) -> None:
    program = tmp_path / "program.py"
    program.write_text(CALLS)
    with otlp.receiving() as receiver:
        done = subprocess.run(
            python(str(program), method),
            cwd=ROOT,
            env=environment(**receiver.environment(protocol)),
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        pings = [span for span in receiver.spans if span.name == "ping"]
    assert len({span.span_id for span in receiver.spans}) == len(receiver.spans)
    instances = Counter(span.resource["service.instance.id"] for span in pings)
    assert sorted(instances.values()) == [1, 1, 1]


APP = """
from tests.support import sdk
settings = {"stateless_http": True, "json_response": True}
app = sdk.make_server().streamable_http_app(**settings) if sdk.IS_V2 else (
    sdk.make_server(**settings).streamable_http_app())
"""


async def _two_calls(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            async with sdk.over_http(url) as session:
                await session.call_tool("add", {"a": 1, "b": 2})
                await session.send_ping()
                return
        except Exception:
            if time.monotonic() > deadline:
                raise
            await anyio.sleep(0.2)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", [1, 2])
def test_an_http_servers_workers_flush_at_sigterm(tmp_path: Path, workers: int) -> None:
    (tmp_path / "app.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--port", str(port), "--workers", str(workers), "--log-level", "critical", "--app-dir", str(tmp_path)]
    with otlp.receiving() as receiver:
        server = subprocess.Popen(
            python("-m", "uvicorn", "app:app", *options), cwd=ROOT, env=environment(**receiver.environment())
        )
        try:
            for _ in range(2 * workers):
                anyio.run(_two_calls, f"http://127.0.0.1:{port}/mcp")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        pings = [span for span in receiver.spans if span.name == "ping"]
        assert len(pings) == 2 * workers
        assert len({span.span_id for span in receiver.spans}) == len(receiver.spans)
        assert "mcp.server.operation.duration" in receiver.metrics
    assert len({span.resource["service.instance.id"] for span in pings}) <= workers


PARENT = """
import os, sys
import anyio
from tests.support import sdk

async def main():
    env = {"ROOT": "1"}
    async with sdk.over_stdio(sys.executable, "-c", sys.argv[1], env=env) as session:
        await session.call_tool("add", {"a": 1, "b": 2})

anyio.run(main)
"""
CHILD = "import sys; sys.path.insert(0, '.'); from tests.support import sdk; sdk.make_server().run('stdio')"


@pytest.mark.parametrize("forward", ["true", "false"])
def test_an_unmodified_child_is_watched_when_its_environment_is_forwarded(forward: str) -> None:
    with otlp.receiving() as receiver:
        done = subprocess.run(
            python("-c", PARENT, CHILD),
            cwd=ROOT,
            env=environment(
                **receiver.environment(), OTEL_SERVICE_NAME="agent", OTEL_PYTHON_MCP_FORWARD_ENVIRONMENT=forward
            ),
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (client,) = [span for span in receiver.spans if span.name == "tools/call add" and span.kind == 3]
        servers = [span for span in receiver.spans if span.name == "tools/call add" and span.kind == 2]
    assert client.resource["service.name"] == "agent"
    if forward == "false":
        assert servers == []
    else:
        (server,) = servers
        assert (server.trace_id, server.parent_id) == (client.trace_id, client.span_id)
        assert server.resource["service.name"] != "agent"


def test_what_is_forwarded_names_no_service_and_brings_no_other_folder() -> None:
    hook = os.path.join("env", "opentelemetry", "instrumentation", "auto_instrumentation")  # noqa: PTH118 - as in a path
    given = {
        "HOME": "/home/me",
        "SECRET": "x",
        "OTEL_SERVICE_NAME": "agent",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=1,deployment.environment.name=test, service.instance.id=7",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317",
        "GROUNDHOG_DIR": "/rec",
        "PYTHONPATH": os.pathsep.join([hook, "/work", ""]),
    }
    assert forwarded_environment(given) == {
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317",
        "GROUNDHOG_DIR": "/rec",
        "PYTHONPATH": hook,
    }
    assert forwarded_environment({"PYTHONPATH": "/work"}) == {}


@pytest.mark.parametrize(
    ("environ", "expected", "said"),
    [
        ({}, (1.0, False), ""),
        (
            {"OTEL_PYTHON_MCP_EXIT_TIMEOUT": "2.5", "OTEL_PYTHON_MCP_FORWARD_ENVIRONMENT": "True"},
            (2.5, True),
            "",
        ),
        ({"OTEL_PYTHON_MCP_EXIT_TIMEOUT": "none"}, (None, False), ""),
        ({"OTEL_PYTHON_MCP_EXIT_TIMEOUT": "0"}, (1.0, False), "or none."),
        ({"OTEL_PYTHON_MCP_EXIT_TIMEOUT": "soon"}, (1.0, False), "or none."),
        ({"OTEL_PYTHON_MCP_FORWARD_ENVIRONMENT": "yes"}, (1.0, False), "Write true or false."),
    ],
)
def test_the_settings_of_this_room(environ: dict[str, str], expected: tuple[float | None, bool], said: str) -> None:
    settings, problems = McpSettings.from_environ(environ)
    assert (settings.exit_timeout_s, settings.forward_environment) == expected
    assert len(problems) == bool(said)
    assert all(problem.endswith(said) for problem in problems)


def test_the_documented_way_without_a_setting_passes_everything() -> None:
    """``env=dict(os.environ)`` is all that a client has to write itself."""
    code = PARENT.replace('{"ROOT": "1"}', "dict(os.environ)")
    with otlp.receiving() as receiver:
        done = subprocess.run(
            python("-c", code, CHILD), cwd=ROOT, env=environment(**receiver.environment()), timeout=55, check=True
        )
        assert done.returncode == 0
        assert "tools/call add" in receiver.names(server=True)
