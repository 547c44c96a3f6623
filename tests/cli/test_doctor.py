"""``groundhog doctor`` as a user starts it: of its own environment, and of those that commands run in."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.support.receiver import receiving

BIN = Path(sys.executable).parent
GROUNDHOG = str(BIN / "groundhog")
LAUNCHER = str(BIN / "opentelemetry-instrument")
FILES = {"OTEL_TRACES_EXPORTER": "groundhog_file", "OTEL_METRICS_EXPORTER": "groundhog_file"}


def _doctor(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    return subprocess.run(
        [GROUNDHOG, "doctor", *words], env={**kept, **environ}, capture_output=True, text=True, timeout=55, check=False
    )


def _findings(*words: str, **environ: str) -> list[dict[str, Any]]:
    done = _doctor("--json", *words, **environ)
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["to_fix"] else 0)
    assert report["to_fix"] == sum(one["level"] == "fix" for one in report["findings"])
    found: list[dict[str, Any]] = report["findings"]
    return found


def _of(found: list[dict[str, Any]], about: str, level: str = "fix") -> dict[str, Any]:
    (one,) = [one for one in found if one["about"] == about and one["level"] == level]
    return one


def _environment(folder: Path, without: Callable[[str], bool]) -> Path:
    """Make a virtual environment of what is installed here, but for some; return its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    ours = Path(sysconfig.get_path("purelib"))
    theirs = folder / ours.relative_to(sys.prefix)
    for entry in ours.iterdir():
        if not without(entry.name):
            (theirs / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def without_mcp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _environment(tmp_path_factory.mktemp("v") / "v", lambda name: name.startswith("mcp"))


def test_all_that_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    done = _doctor(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_SERVICENAME="me",
        OTEL_PYTHON_MCP_SERVER_PARENT="both",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="groundhog_resources",
    )
    assert (done.returncode, done.stderr) == (1, "")
    said = done.stdout.replace(str(BIN), "BIN").replace(str(port), "PORT")
    said = re.sub(r"(?<=mcp )[\d.]+", "VERSION", re.sub(r"\(3\.[\d.]+\)", "(VERSION)", said))
    said = re.sub(r"\d+ of \d+ hooks", "N of N hooks", said)
    assert said == snapshot("""\
Python: BIN/python (VERSION)

ok    mcp                 mcp VERSION is instrumented as SDK 2.x: N of N hooks apply
fix   resources           resources are not measured: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS has groundhog_resources
                          -> Take groundhog_resources out of OTEL_PYTHON_DISABLED_INSTRUMENTATIONS.
ok    runtime             the runtime is measured: event_loop, gc, requests, worker_threads
note  others              other instrumentations installed: asyncio
fix   settings            OTEL_PYTHON_MCP_SERVER_PARENT='both' is not understood; using 'meta'
                          -> Write meta or ambient.
fix   environment         OTEL_SERVICENAME is no variable of OpenTelemetry's
                          -> Write OTEL_SERVICE_NAME.
ok    sampler             parentbased_always_on
fix   traces and metrics  sent to http://127.0.0.1:PORT over grpc, where nothing listens (connection refused)
                          -> Start a Collector there (groundhog stack up), or name one in OTEL_EXPORTER_OTLP_ENDPOINT.

4 to fix
""")


def test_nothing_to_fix_is_exit_code_0() -> None:
    with receiving() as receiver:
        done = _doctor(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nNothing to fix\n")
    assert f"traces and metrics  sent to {receiver.url} over http/protobuf, which takes them" in done.stdout


def test_the_options_of_the_launcher_count_and_nothing_is_started(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    program = f"open({str(mark)!r}, 'w')"
    with receiving() as receiver:
        options = ("--exporter_otlp_endpoint", receiver.url, "--mcp_native_spans=both")
        found = _findings("--", "env", "A=1", LAUNCHER, *options, sys.executable, "-c", program)
    assert "OTEL_PYTHON_MCP_NATIVE_SPANS='both' is not understood" in _of(found, "settings")["says"]
    assert "that port speaks HTTP, not gRPC" in _of(found, "traces and metrics")["says"]
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in _of(found, "traces and metrics")["fix"]
    assert not mark.exists()
    assert not any(one["about"] == "command" for one in found)


def test_an_environment_without_mcp(without_mcp: Path, tmp_path: Path) -> None:
    script = tmp_path / "server"
    script.write_text(f"#!{without_mcp}\nraise SystemExit('started')\n")
    script.chmod(0o755)
    found = _findings("--", str(script), **FILES)
    assert "the package mcp is not installed in this environment" in _of(found, "mcp")["says"]
    assert "pip install 'mcp>=1.10,<3'" in _of(found, "mcp")["fix"]
    assert "not started by opentelemetry-instrument" in _of(found, "command", "note")["says"]


def test_an_environment_without_this_package(tmp_path: Path) -> None:
    venv.create(tmp_path / "v", with_pip=False, symlinks=True)
    python = str(tmp_path / "v" / "bin" / "python")
    finding = _of(_findings("--", python, "server.py"), "groundhog")
    assert "has no groundhog-otel" in finding["says"]
    assert finding["fix"] == f"{python} -m pip install -U groundhog-otel"


@pytest.mark.parametrize(
    ("command", "level", "says"),
    [("no-such-program", "fix", "is not a command"), ("/bin/sh", "note", "is not a Python program")],
)
def test_a_command_whose_environment_is_not_known(command: str, level: str, says: str) -> None:
    done = _doctor("--", command, **FILES)
    assert says in done.stdout
    assert "what follows is about this environment" in done.stdout
    assert "mcp 2" in done.stdout or "mcp 1" in done.stdout
    assert done.returncode == (level == "fix")


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    finding = _of(_findings("--", sys.executable, "-u", str(tmp_path / "sever.py"), **FILES), "command")
    assert finding["says"] == f"there is no file {tmp_path / 'sever.py'}"
    assert "Correct its path" in finding["fix"]


@pytest.mark.parametrize(("name", "level"), [("http.py", "note"), ("mcp.py", "fix"), ("test.py", None)])
def test_a_file_beside_the_script_that_hides_a_module(tmp_path: Path, name: str, level: str | None) -> None:
    for file in ("server.py", name):
        (tmp_path / file).write_text("")
    found = _findings("--", sys.executable, str(tmp_path / "server.py"), **FILES)
    says = [(one["level"], one["fix"]) for one in found if "in place of the module" in one["says"]]
    assert says == ([] if level is None else [(level, f"Rename it, to my_{name} for one.")])


def test_an_environment_whose_modules_are_hidden_is_not_said_to_lack_us(tmp_path: Path) -> None:
    (tmp_path / "http.py").write_text("from mcp.server.mcpserver import MCPServer")
    shutil.copy(tmp_path / "http.py", tmp_path / "server.py")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    done = subprocess.run(
        [GROUNDHOG, "doctor", "--", LAUNCHER, "python", "server.py"],
        env={**environ, **FILES, "OTEL_SERVICE_NAME": "x", "PATH": f"{BIN}:{environ['PATH']}"},
        cwd=tmp_path, capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip
    assert "http.py is imported in place of the module http" in done.stdout
    assert "has no groundhog-otel" not in done.stdout


def test_others_that_instrument_mcp(tmp_path: Path) -> None:
    """As these distributions declare themselves (opentelemetry-instrumentation-mcp 0.62.4, and the others in 2026)."""
    declared = {
        "opentelemetry-instrumentation-mcp": "mcp = opentelemetry.instrumentation.mcp:McpInstrumentor",
        "openinference-instrumentation-mcp": "mcp = openinference.instrumentation.mcp:MCPInstrumentor",
        "aws-opentelemetry-distro": "aws_mcp = amazon.opentelemetry.distro.instrumentation.mcp:McpInstrumentor",
        "logfire": "",
        "sentry-sdk": "",
    }
    for name, entry in declared.items():
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\n{entry}\n" if entry else "")
    found = _findings(PYTHONPATH=str(tmp_path), **FILES)
    peers = [one for one in found if one["about"] == "peers"]
    assert [(one["level"], one["says"].partition(" instruments")[0]) for one in peers] == [
        ("fix", "aws-opentelemetry-distro (ADOT)"),
        ("fix", "openinference-instrumentation-mcp"),
        ("fix", "opentelemetry-instrumentation-mcp (OpenLLMetry, Traceloop)"),
        ("note", "logfire 1.0"),
        ("note", "sentry-sdk 1.0"),
    ]
    assert {one["fix"] for one in peers[:3]} == {
        "Set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=aws_mcp,mcp, or OTEL_PYTHON_MCP_NATIVE_SPANS=keep to have theirs."
    }
    off = _findings(PYTHONPATH=str(tmp_path), OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="aws_mcp,mcp", **FILES)
    assert not any(one["about"] == "peers" and one["level"] == "fix" for one in off)
