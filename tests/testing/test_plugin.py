"""The pytest fixture: there for those who ask, nothing for those who do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TEST = """
import anyio
from tests.support import sdk

def test_telemetry(mcp_telemetry):
    async def session():
        async with sdk.in_memory(sdk.make_server()) as connected:
            await connected.send_ping()
    anyio.run(session)
    assert "CLIENT ping\\n  SERVER ping" in mcp_telemetry.tree()
"""
UNUSED = """
import sys

def test_nothing_is_loaded():
    mine = [name for name in sys.modules if name.startswith(("groundhog_otel", "opentelemetry"))]
    assert sorted(mine) == ["groundhog_otel", "groundhog_otel.pytest_plugin"]
"""
ROOT = Path(__file__).resolve().parent.parent.parent


def _run(tmp_path: Path, text: str) -> str:
    (tmp_path / "test_it.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", f"pythonpath={ROOT}", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_fixture_captures_what_the_test_does(tmp_path: Path) -> None:
    assert "1 passed" in _run(tmp_path, TEST)


def test_a_run_that_does_not_use_it_loads_one_module(tmp_path: Path) -> None:
    assert "1 passed" in _run(tmp_path, UNUSED)
