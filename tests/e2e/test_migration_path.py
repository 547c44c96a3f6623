"""Baseline, monitor, optimise, verify: one command each, on a server whose fault nobody has told them of."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SERVER = """
import sys
import time

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("library", log_level="CRITICAL")
READ_ONLY = ToolAnnotations.model_validate({"readOnlyHint": True})


@server.tool(annotations=READ_ONLY)
async def render(page: int) -> str:
    time.sleep(0.055)
    return f"page {page}"


@server.tool(annotations=READ_ONLY)
async def quick(word: str) -> str:
    return word


uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
"""
LOAD = "groundhog load {url} --users 6 --duration {seconds}s --seed 1"


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    return {**kept, **exporters, "PATH": path, "COLUMNS": "200", **more}


def _typed(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in _environment().items() if not name.endswith("_EXPORTER")}
    return subprocess.run(
        command.split(), cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


@contextmanager
def _served(folder: Path, port: int, *before: str, **more: str) -> Iterator[str]:
    """Start the server as a user does; yield its URL."""
    command = [*before, "python", "server.py", str(port)]
    with subprocess.Popen(command, cwd=folder, env=_environment(**more)) as process:
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()


def test_from_a_baseline_to_an_improvement_that_is_verified(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER, "utf-8")
    ports = free_ports()
    port, health = ports["otlp_http"], ports["otlp_grpc"]

    with _served(tmp_path, port) as url:
        baseline = _typed(tmp_path, f"{LOAD.format(url=url, seconds=26)} --telemetry none --out before.json")
    assert baseline.returncode == 3, baseline.stderr  # over the budget

    asked = {"OTEL_PYTHON_GROUNDHOG_HEALTH_PORT": str(health)}
    with _served(tmp_path, port, "opentelemetry-instrument", **asked) as url:
        _typed(tmp_path, f"{LOAD.format(url=url, seconds=4)} --telemetry none")
        monitored = _typed(tmp_path, f"groundhog health http://127.0.0.1:{health}")
    assert monitored.returncode == 3, monitored.stdout + monitored.stderr
    assert re.search(r"over +command: .* of 50 ms", monitored.stdout), monitored.stdout

    asked_for = "--url http://127.0.0.1:{port}/mcp --blocks 5 --segment 1s --json"
    optimised = _typed(tmp_path, f"groundhog optimize {asked_for} -- python server.py {{port}}")
    assert optimised.returncode == 0, optimised.stdout + optimised.stderr
    found = json.loads(optimised.stdout)
    assert (found["verdict"], found["actions"]) == ("improved", "offload:tool=render")
    assert found["line"].startswith("OTEL_PYTHON_GROUNDHOG_ACTIONS=offload:tool=render opentelemetry-instrument python")

    kept = {"OTEL_PYTHON_GROUNDHOG_ACTIONS": found["actions"]}
    with _served(tmp_path, port, "opentelemetry-instrument", **kept) as url:
        again = f"{LOAD.format(url=url, seconds=26)} --telemetry none --baseline before.json --json"
        verified = _typed(tmp_path, again)
    assert verified.returncode in (0, 3), verified.stderr
    compared: dict[str, Any] = {one["name"]: one for one in json.loads(verified.stdout)["comparison"]["operations"]}
    assert compared["tools/call quick"]["finding"] == "better", compared
