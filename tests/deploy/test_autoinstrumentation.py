"""What the Operator's image carries, without Docker: filled as its Dockerfile does, used as the Operator does."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.otlp import receiving
from tests.support.processes import CALL, HANDSHAKE, ROOT, SPANS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = ROOT / "deploy" / "kubernetes" / "autoinstrumentation"

SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("pod")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

server.run()
"""


def test_the_dockerfile_copies_what_there_is_and_has_uv_as_the_makefile_does() -> None:
    text = (HERE / "Dockerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split()[:-1]), line
    (makefile,) = set(re.findall(r"'uv==(\S+)'", (ROOT / "Makefile").read_text("utf-8")))
    assert set(re.findall(r"uv==(\S+)", text)) == {makefile}
    targets = re.findall(r"^COPY --from.* (\S+)$", text, re.MULTILINE)
    assert targets == ["/autoinstrumentation", "/autoinstrumentation-musl"]


def test_a_pod_with_the_folder_on_its_path_is_instrumented(tmp_path: Path) -> None:
    folder, bare = tmp_path / "otel-auto-instrumentation-python", tmp_path / "pod"
    tools = ROOT / ".venv-uv" / "bin"
    subprocess.run(
        [HERE / "install.sh", ROOT, folder], env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, check=True
    )
    # The pod's own Python: an MCP server's requirements, and nothing of OpenTelemetry.
    subprocess.run([tools / "uv", "venv", "--quiet", "--python", tools / "python", bare], check=True)
    python = bare / "bin" / "python"
    locked = subprocess.run(
        [tools / "uv", "export", "--quiet", "--locked", "--only-group", "mcp1", "--no-hashes", "--project", ROOT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (tmp_path / "requirements.txt").write_text(locked, "utf-8")
    subprocess.run(
        [tools / "uv", "pip", "install", "--quiet", "--python", python, "--requirement", tmp_path / "requirements.txt"],
        check=True,
    )
    (tmp_path / "server.py").write_text(SERVER, "utf-8")
    with receiving() as receiver:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}/opentelemetry/instrumentation/auto_instrumentation:{folder}",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "none",
            **receiver.environment("http/protobuf"),
        }
        with subprocess.Popen(
            [python, tmp_path / "server.py"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(HANDSHAKE + CALL)
            process.stdin.flush()
            answers = [process.stdout.readline() for _ in range(2)]
            process.stdin.close()
            process.stdin = None
            _, errors = process.communicate(timeout=60)
        deadline = time.monotonic() + 10
        while len(receiver.spans) < len(SPANS) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert '"3"' in answers[1] or '"result":3' in answers[1], (answers, errors)
    assert receiver.names(server=True) == sorted(SPANS), errors


def test_nothing_has_to_be_compiled_for_musl(tmp_path: Path) -> None:
    """The image's Alpine stage has no compiler; here its pip is told to take wheels as it would there."""
    tools = ROOT / ".venv-uv" / "bin"
    (version,) = re.findall(r"^ARG PYTHON=(\S+)$", (HERE / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    requirements = tmp_path / "requirements.txt"
    chosen = ["--no-default-groups", "--no-emit-project", f"--project={ROOT}", f"--output-file={requirements}"]
    subprocess.run([tools / "uv", "export", "--quiet", "--locked", *chosen], stdout=subprocess.DEVNULL, check=True)
    platforms = [f"--platform=musllinux_1_{minor}_{platform.machine()}" for minor in (1, 2)]
    subprocess.run(
        [
            *(tools / "python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", "--require-hashes", f"--python-version={version}", *platforms),
            *("--dest", tmp_path / "wheels", "--requirement", requirements),
        ],
        check=True,
    )
    compiled = [one.name for one in (tmp_path / "wheels").iterdir() if not one.name.endswith("none-any.whl")]
    assert compiled
    assert all("musllinux" in name for name in compiled), compiled
