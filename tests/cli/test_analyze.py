from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.store.layout import prepare, signal_file
from tests.analysis.detectors.made import chain, operation
from tests.support.processes import environment
from tests.support.recorded import span, traces_line

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


def _analyze(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDHOG_")}
    return subprocess.run(
        [GROUNDHOG, "analyze", *words], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )


def _store(cwd: Path, *, calls: int) -> None:
    spans = operation(1, chain(*[("tools/call item", 8.0)] * calls), ms=9.0 * calls)
    for name, made in (("run-1", [span()]), ("run-2", spans)):
        run = prepare(cwd / ".groundhog", name)
        signal_file(run, service="srv", pid=22, signal="traces").write_text(traces_line(*made))


def test_what_is_found_is_said_with_a_command_that_shows_it(tmp_path: Path) -> None:
    _store(tmp_path, calls=12)
    done = _analyze(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "looked at 13 spans in 1 trace.\n1 finding, the one that costs most first.\n" in done.stdout
    assert "1. n_plus_one: tools/call report (srv)\n" in done.stdout
    assert "\x1b" not in done.stdout
    (command,) = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("groundhog report")]
    assert "--run run-2" in command
    shown = subprocess.run(
        [GROUNDHOG, *shlex.split(command)[1:]], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "tools/call item" in shown.stdout


PROGRAM = """
import anyio
from opentelemetry import trace
from tests.support.sdk import in_memory, make_server

async def main():
    async with in_memory(make_server()) as session:
        with trace.get_tracer("agent").start_as_current_span("inventory"):
            for _ in range(15):
                await session.call_tool("nap", {"seconds": 0.02})

anyio.run(main)
"""


def test_a_program_that_was_recorded(tmp_path: Path) -> None:
    recorded = subprocess.run(
        [GROUNDHOG, "run", "--dir", "recordings", "--name", "agent", "--", sys.executable, "-c", PROGRAM],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert recorded.returncode == 0, recorded.stderr
    found = json.loads(_analyze("recordings", "--json", cwd=tmp_path).stdout)
    assert not found["failed"]
    assert [(one["detector"], one["service"], one["target"]) for one in found["findings"]] == [
        ("n_plus_one", "agent", "inventory")
    ]


def test_nothing_found_is_said_plainly(tmp_path: Path) -> None:
    _store(tmp_path, calls=2)
    done = _analyze("--check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nNothing found.\n")


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--check",), 3), (("--check", "--confidence", "0.9"), 0)])
def test_check_makes_findings_an_exit_code(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    _store(tmp_path, calls=12)
    assert _analyze(*words, cwd=tmp_path).returncode == code


def test_json_and_markdown(tmp_path: Path) -> None:
    _store(tmp_path, calls=12)
    folder = tmp_path / ".groundhog"
    (found,) = json.loads(_analyze(str(folder), "--json", cwd=tmp_path).stdout)["findings"]
    assert found["evidence"][0]["open"] == f"groundhog report {folder} --run run-2 --trace {1:032x}"
    assert _analyze("--markdown", cwd=tmp_path).stdout.startswith("**1 finding, the one that costs most first.**")


def test_a_run_is_chosen_as_for_a_report(tmp_path: Path) -> None:
    _store(tmp_path, calls=12)
    assert "Nothing found" in _analyze("--run", "run-1", cwd=tmp_path).stdout
    assert "14 spans" in _analyze("--run", "all", cwd=tmp_path).stdout
    done = _analyze("--run", "x", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("groundhog: there is no run 'x'")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (
            ("--json", "--markdown"),
            1,
            "groundhog: JSON and Markdown at once cannot be printed: give --json or --markdown\n",
        ),
        (("--confidence", "2"), 2, 'Invalid value "2.0" for --confidence. Must be <= 1.'),
    ],
)
def test_bad_input_is_refused(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    _store(tmp_path, calls=12)
    done = _analyze(*words, cwd=tmp_path)
    assert done.returncode == code
    assert says in done.stdout + done.stderr
