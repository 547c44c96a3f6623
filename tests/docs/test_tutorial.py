"""The tutorial, from its first line to its last: each file written, each command typed, and what it promises seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.site.snippets import snippets
from tests.support.ports import free_ports

pytestmark = pytest.mark.timeout(600)
PAGE = "docs/tutorial.md"
STACK = re.compile(r"groundhog (stack|replay)|OTEL_EXPORTER_OTLP_ENDPOINT")
INSTALLED = re.compile(r"^(python3 -m venv|\. \.venv|pip install)")
"""The tests' own environment stands in for it; tests/packaging makes one."""


def _followed(folder: Path, environment: dict[str, str], *, stack: bool) -> Iterator[tuple[str, str]]:
    """Do what the page says, in order; yield each command with what it printed."""
    for one in snippets(PAGE):
        if one.title is not None:
            (folder / one.title).write_text(one.text + "\n", "utf-8")
        for command in one.commands() if one.language == "console" else ():
            if INSTALLED.search(command) or (STACK.search(command) and not stack):
                continue
            done = subprocess.run(
                ["bash", "-c", command.replace(":4317", f":{environment['GROUNDHOG_PORT_OTLP_GRPC']}")],
                cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            yield command, " ".join(done.stdout.split())


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GROUNDHOG_"))}
    ports = {f"GROUNDHOG_PORT_{name.upper()}": str(port) for name, port in free_ports().items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return {**own, **ports, "PATH": path, "COLUMNS": "200", "GROUNDHOG_STATE_DIR": str(tmp_path / "state")}


def _held(said: list[tuple[str, str]]) -> None:
    analyses = [printed for command, printed in said if command == "groundhog analyze"]
    assert len(analyses) == 2
    assert "blocking_call: tools/call find (library)" in analyses[0]
    assert "server.py:13" in analyses[0]
    assert "to_thread.run_sync" in analyses[0]
    assert "blocking_call" not in analyses[1]


def test_it_works_as_it_is_written(tmp_path: Path, environment: dict[str, str]) -> None:
    said = list(_followed(tmp_path, environment, stack=False))
    _held(said)
    report = next(printed for command, printed in said if command == "groundhog report")
    assert "library (server)" in report
    assert "tools/call find 15 0" in report
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.e2e
def test_it_works_with_the_stack_as_well(tmp_path: Path, environment: dict[str, str]) -> None:
    try:
        said = list(_followed(tmp_path, environment, stack=True))
    finally:
        subprocess.run(["groundhog", "stack", "down"], env=environment, capture_output=True, check=False)
    _held(said)
    assert any(command == "groundhog replay" and "spans" in printed for command, printed in said)
