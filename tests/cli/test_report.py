from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.profiling.files import save_profile
from groundhog_otel.store.layout import prepare, profile_file, signal_file
from tests.profiling import made
from tests.support.recorded import span, traces_line

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


def _report(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDHOG_")}
    return subprocess.run(
        [GROUNDHOG, "report", *words], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )


def _store(cwd: Path, *, ms: float = 10) -> Path:
    for name in ("run-1", "run-2"):
        run = prepare(cwd / ".groundhog", name)
        signal_file(run, service="app", pid=11, signal="traces").write_text(traces_line(span(ms=ms)))
    return run


def test_the_latest_run_is_reported(tmp_path: Path) -> None:
    _store(tmp_path)
    done = _report(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Run run-2\n")
    assert "tools/call nap" in done.stdout
    assert "\x1b" not in done.stdout


def test_one_run_or_all(tmp_path: Path) -> None:
    run = _store(tmp_path)
    assert _report("--run", "run-1", cwd=tmp_path).stdout.startswith("Run run-1\n")
    assert _report("--run", "all", cwd=tmp_path).stdout.startswith("2 runs, run-1 to run-2\n")
    assert _report(str(run), cwd=tmp_path.parent).stdout.startswith("Run run-2\n")
    assert _report(".groundhog", "--run", "run-1", cwd=tmp_path).stdout.startswith("Run run-1\n")


def test_json_is_for_programs(tmp_path: Path) -> None:
    _store(tmp_path)
    found = json.loads(_report("--json", cwd=tmp_path).stdout)
    assert (found["format"], found["operations"][0]["latency"]["p99_s"]) == (1, 0.01)


def test_markdown_is_for_people_elsewhere(tmp_path: Path) -> None:
    _store(tmp_path)
    done = _report("--markdown", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# Performance of app\n")
    assert "| met | tools/call nap | app (client) | 1 |" in done.stdout


def test_a_page_is_written_with_traces_trials_and_profiles(tmp_path: Path) -> None:
    run = _store(tmp_path)
    trial = {"time": "2026-01-01", "trial": {"action": "gc_freeze", "outcome": "kept", "why": "it helps"}}
    (run.parent / "optimizations.jsonl").write_text(json.dumps(trial) + "\n")
    save_profile(profile_file(run, service="app", pid=11, kind="cpu", profile_id="ab" * 16), made.profile())
    for where in (".groundhog", str(run)):
        done = _report(where, "--html", "page.html", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"page\.html: \d+ kB\n", done.stdout)
        text = (tmp_path / "page.html").read_text()
        assert text.startswith("<!DOCTYPE html>")
        assert "gc_freeze" in text
        assert "CPU profile of shop (4711), within calls" in text


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    _store(tmp_path)
    done = _report("--html", "nowhere/page.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "groundhog: cannot write nowhere/page.html (No such file or directory): name another file\n"


def test_a_report_has_one_form(tmp_path: Path) -> None:
    _store(tmp_path)
    done = _report("--html", "page.html", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "give one of --html, --markdown, --json and --trace" in done.stderr


@pytest.mark.parametrize(("ms", "code"), [(10, 0), (60, 3)])
def test_check_makes_a_missed_budget_an_exit_code(tmp_path: Path, ms: float, code: int) -> None:
    _store(tmp_path, ms=ms)
    assert _report(cwd=tmp_path).returncode == 0
    assert _report("--check", cwd=tmp_path).returncode == code


def test_a_cut_off_line_is_said(tmp_path: Path) -> None:
    run = _store(tmp_path)
    file = signal_file(run, service="app", pid=11, signal="traces")
    file.write_text(file.read_text() * 2 + traces_line(span())[:50])
    done = _report(cwd=tmp_path)
    assert done.returncode == 0
    assert "1 of 3 lines unreadable, and left out: run-2/app-11.traces.jsonl:3" in done.stdout


@pytest.mark.parametrize("words", [(), ("nowhere",), ("--run", "x")])
def test_nothing_to_report_is_one_line_that_says_what_to_do(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = _report(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("groundhog: there is no folder")
    assert "groundhog run -- <command>" in line


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    run = _store(tmp_path)
    lines = [traces_line(span(f"tools/call number-{n}", own=n)) for n in range(1, 2000)]
    signal_file(run, service="app", pid=11, signal="traces").write_text("".join(lines))
    for words in ((), ("--json",)):
        done = subprocess.run(
            ["bash", "-c", 'set -o pipefail; "$@" | head -1', "-", GROUNDHOG, "report", *words],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stderr == ""


@pytest.mark.parametrize("module", ["cyclopts"])
def test_without_the_extra_one_line_names_it(module: str) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; from groundhog_otel.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "pip install 'groundhog-otel[tools]'" in line


def test_help_lists_the_commands_without_loading_them() -> None:
    program = (
        "import sys; from groundhog_otel.cli import main; sys.argv = ['groundhog', '--help']\n"
        "try: main()\n"
        "finally: print(sorted(name for name in sys.modules if name.startswith('groundhog_otel.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(f"│ {name} " in done.stdout for name in ("run", "report", "stack"))
    assert done.stdout.rstrip().endswith("[]")


def test_one_trace_by_its_id(tmp_path: Path) -> None:
    run = prepare(tmp_path / ".groundhog", "run-1")
    lines = [
        traces_line(span(ms=90)),
        traces_line(span("work", method=None, trace=2), span("rest", method=None, own=2, trace=2)),
    ]
    signal_file(run, service="app", pid=11, signal="traces").write_text("".join(lines))
    done = _report("--trace", f"{2:032X}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "rest" in done.stdout
    assert "nap" not in done.stdout
    assert "Slowest" not in done.stdout
    missing = _report("--trace", f"{3:032x}", cwd=tmp_path)
    assert missing.returncode == 1
    assert missing.stderr == f"groundhog: there is no trace {3:032x} in the run latest. Try --run all.\n"
