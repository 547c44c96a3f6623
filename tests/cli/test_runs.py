from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.store.layout import prepare, run_directories, signal_file
from groundhog_otel.store.manifest import Manifest

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
DEAD_PID = 2**22 + 1


def _groundhog(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GROUNDHOG_", "OTEL_"))}
    return subprocess.run(
        [GROUNDHOG, *words], cwd=cwd, env={**environ, **more}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three old runs."""
    for name in ("r1", "r2", "r3"):
        run = prepare(tmp_path / ".groundhog", name)
        begun = Manifest(("python", f"{name}.py"), "2026-01-01T00:00:00+00:00", pid=DEAD_PID)
        begun.ended(exit_code=3, duration_s=1).write(run)
        signal_file(run, service="app", pid=DEAD_PID, signal="traces").write_bytes(b"x" * 2048)
        for path in (*run.iterdir(), run):
            os.utime(path, (1.75e9, 1.75e9))
    return tmp_path


def _names(folder: Path) -> list[str]:
    return [run.name for run in run_directories(folder / ".groundhog")]


def test_runs_are_listed(folder: Path) -> None:
    done = _groundhog("runs", "list", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["r1", "r2", "r3", "3"]
    assert lines[0] == "r1      2 KiB  until 2025-06-15 15:06  exit code 3  python r1.py"
    assert lines[-1] == "3 runs, 6 KiB"


def test_runs_are_listed_for_programs(folder: Path) -> None:
    found = json.loads(_groundhog("runs", "list", str(folder / ".groundhog"), "--json", cwd=folder.parent).stdout)
    assert (found["format"], [run["run"] for run in found["runs"]]) == (1, ["r1", "r2", "r3"])
    assert (found["runs"][0]["exit_code"], found["runs"][0]["living"]) == (3, False)
    assert found["runs"][0]["kept_because"] is None


def test_the_oldest_are_removed_and_what_stays_is_said(folder: Path) -> None:
    (folder / ".groundhog" / "r1" / "notes.txt").write_text("mine")
    done = _groundhog("runs", "prune", "--max-runs", "1", cwd=folder)
    assert done.returncode == 0
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == [
        "Removed r2",
        "Removed r3",
        "1 runs left, 2 KiB",
    ]
    assert done.stderr == "groundhog: r1 stays: something in its folder is not ours\n"
    assert _names(folder) == ["r1"]


def test_a_dry_run_only_says_it(folder: Path) -> None:
    done = _groundhog("runs", "prune", "--max-age", "1h", "--dry-run", cwd=folder)
    assert done.stdout.count("Would remove") == 3
    assert len(_names(folder)) == 3


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (
            ("--max-age", "soon"),
            {},
            "--max-age 'soon' is not understood. Write hours or days, like 72h or 30d, or none.",
        ),
        (("--max-bytes", "1 T"), {}, "--max-bytes '1 T' is not understood. Write bytes, like 500M or 10G, or none."),
        ((), {"GROUNDHOG_DIR_MAX_RUNS": "few"}, "GROUNDHOG_DIR_MAX_RUNS='few' is not understood"),
        (("nowhere",), {}, "there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_sentence(folder: Path, words: tuple[str, ...], environ: dict[str, str], said: str) -> None:
    done = _groundhog("runs", "prune", *words, cwd=folder, **environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(_names(folder)) == 3


def test_a_run_that_begins_removes_what_is_beyond_the_bounds_and_says_so(folder: Path) -> None:
    program = "from opentelemetry import trace; trace.get_tracer('t').start_span('one').end()"
    done = _groundhog("run", "--", sys.executable, "-c", program, cwd=folder, GROUNDHOG_DIR_MAX_RUNS="2")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("groundhog: removed the oldest 2 of the recorded runs, r1 to r2: ")
    assert _names(folder)[-1] == "r3"
    assert len(_names(folder)) == 2
