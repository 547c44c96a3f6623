from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from junitparser import JUnitXml

from groundhog_otel.cli import main
from groundhog_otel.cli.load import app
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.session import ToolFacts
from groundhog_otel.store.layout import prepare, signal_file
from tests.load import fake
from tests.support.recorded import span, traces_line

pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]
READ = ToolFacts("read", {"type": "object"}, read_only=True)
PROGRAM = """
import sys
import groundhog_otel.cli.load.server as server
from groundhog_otel.cli import main
from groundhog_otel.load.session import ToolFacts
from tests.load import fake

read = ToolFacts("read", {"type": "object"}, read_only=True)
asked = []
def target(given, **options):
    words = (given,) if isinstance(given, str) else tuple(given)
    asked.append((words, {name: value for name, value in options.items() if value not in (None, {}, "auto")}))
    print(asked[-1], file=sys.stderr)
    return fake.FakeTarget(fake.%s, tools=(read,), refuse=fake.%s, keep_calls=False)
server.target_for = target
sys.argv[0] = "groundhog"
main()
"""


def _words(*words: str, behave: str = "ten_ms", refuse: str = "anybody") -> Sequence[str]:
    """``groundhog load``, with a server whose answers take 10 ms."""
    return (sys.executable, "-c", PROGRAM % (behave, refuse), "load", *words[:1], *_telemetry(words), *words[1:])


def _telemetry(words: Sequence[str]) -> Sequence[str]:
    return ("--telemetry", "none") if words[0].startswith("http") else ()


@dataclass(frozen=True)
class Done:
    """How a command has ended."""

    returncode: int
    stdout: str
    stderr: str


def _load(
    *words: str, behave: str = "ten_ms", refuse: str = "anybody", environ: Mapping[str, str] | None = None
) -> Done:
    """Run ``groundhog load`` in this process, as the program above does in its own."""
    asked: list[object] = []

    def target(given: str | Sequence[str], **options: Any) -> fake.FakeTarget:
        words = (given,) if isinstance(given, str) else tuple(given)
        asked.append((words, {name: value for name, value in options.items() if value not in (None, {}, "auto")}))
        return fake.FakeTarget(getattr(fake, behave), tools=(READ,), refuse=getattr(fake, refuse), keep_calls=False)

    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        patch.setattr("groundhog_otel.cli.load.server.target_for", target)
        patch.setattr("groundhog_otel.cli.load.tested.quiet", lambda: None)  # which is for good
        patch.setattr(sys, "argv", ["groundhog", "load", *words[:1], *_telemetry(words), *words[1:]])
        patch.setattr(sys, "stdin", io.StringIO())
        patch.chdir(ROOT)
        for name, value in (environ or {}).items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    code, said = ended.value.code, "".join(f"{one}\n" for one in asked)
    if isinstance(code, str):  # as the interpreter has it
        return Done(1, out.getvalue(), f"{said}{errors.getvalue()}{code}\n")
    return Done(code or 0, out.getvalue(), f"{said}{errors.getvalue()}")


def test_a_test_is_run_printed_and_written(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    done = _load("http://x/mcp", "--rate", "50/s", "--duration", "1s", "--users", "2", "--out", str(out))
    result = result_files.read(out)
    assert done.returncode in (0, 4), done.stderr
    assert result.operations[0].count == 50
    assert result.model == "open"
    assert result.connections_peak == 2
    assert f"run {result.run_id}" in done.stdout
    assert "tools/call read: 50 requests, 50/s, 0 errors" in done.stdout


def test_a_command_comes_after_two_dashes_and_keeps_its_own_options() -> None:
    done = _load("--duration", "200ms", "--telemetry", "none", "--", "python", "server.py", "--duration", "7", "--help")
    assert "('python', 'server.py', '--duration', '7', '--help')" in done.stderr
    assert "tools/call read" in done.stdout


def test_options_of_urls_reach_the_target() -> None:
    done = _load(
        "http://x/mcp", "--duration", "200ms", "--header", "X-Tenant: blue", "--header", "B:c:d",
        "--token-variable", "TOKEN", "--sse",
    )  # fmt: skip
    assert "'transport': 'sse', 'headers': {'X-Tenant': 'blue', 'B': 'c:d'}, 'token_env': 'TOKEN'" in done.stderr


def test_a_recording_is_replayed_to_its_end(tmp_path: Path) -> None:
    run = prepare(tmp_path / "store", "run-1")
    spans = [span(f"tools/call {number}", trace=number, own=1, at_ms=number * 40) for number in range(1, 31)]
    signal_file(run, service="app", pid=11, signal="traces").write_text(traces_line(*spans))
    out = tmp_path / "result.json"
    done = _load("http://x/mcp", "--arrivals", f"replay:{tmp_path / 'store'}", "--users", "2", "--out", str(out))
    assert done.returncode in (0, 4), done.stderr
    result = result_files.read(out)
    assert (result.model, result.operations[0].count) == ("open", 30)
    assert result.duration_s == pytest.approx(29 * 0.04, abs=1), "from the first start to the last"


def test_a_terminal_shows_the_test_while_it_runs_and_standard_output_only_its_result() -> None:
    near, far = os.openpty()
    with subprocess.Popen(
        _words("http://x/mcp", "--rate", "40/s", "--duration", "2s"),
        cwd=ROOT, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"}, stdout=subprocess.PIPE, stderr=far, text=True,
    ) as process:  # fmt: skip
        os.close(far)
        drawn = b""
        with contextlib.suppress(OSError):  # with which Linux says that nobody has the other end any more
            while read := os.read(near, 65536):
                drawn += read
        output, _ = process.communicate(timeout=90)
    os.close(near)
    shown = drawn.decode()
    assert process.returncode in (0, 4), shown
    assert shown.count(" of 0:02") > 3
    assert re.search(r"\d+ answered, \d+ under way, 1 connection, 1 worker", shown)
    assert re.search(r"\d+/s of \d+/s due; p50 \d+ ms, p99 \d+ ms", shown)
    assert "\x1b" not in output
    assert "80 requests" in output


def test_parts_are_put_together_to_the_whole(tmp_path: Path) -> None:
    files = []
    test = ("http://x/mcp", "--rate", "poisson:60/s", "--duration", "1s", "--users", "3", "--run-id", "job-7")
    for number in range(3):
        files.append(str(tmp_path / f"part-{number}.json"))
        worker = "job/3" if number == 2 else f"{number + 1}/3"
        environ = {"JOB_COMPLETION_INDEX": "2"}
        assert _load(*test, "--worker", worker, "--out", files[-1], environ=environ).returncode in (0, 4)
    whole = tmp_path / "whole.json"
    done = _load("merge", "--telemetry", "none", *files, "--out", str(whole))
    assert done.returncode in (0, 4), done.stderr
    merged = result_files.read(whole)
    alone = tmp_path / "alone.json"
    _load(*test, "--out", str(alone))
    assert merged.operations[0].count == result_files.read(alone).operations[0].count
    assert merged.run_id == "job-7"
    assert [check.worker for check in merged.self_checks] == [0, 1, 2]
    parts = [json.loads(Path(file).read_text()) for file in files]
    assert sum(part["operations"][0]["count"] for part in parts) == merged.operations[0].count


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("http://x", "--duration", "long"), "'long' is no time: write it like 30s, 500ms, 5min or 2h"),
        (("http://x", "--rate", "fast"), "'fast' is no rate: write it like 200/s or 90/min"),
        (("http://x", "--header", "blue"), "--header is no header: write it like 'X-Tenant: blue'"),
        (("http://x", "--worker", "3"), "--worker '3' is no part of a test: write it like 3/8, or job/8"),
        (("http://x", "--worker", "9/8"), "There is no worker 9 of 8: write 1/8 to 8/8"),
        (("http://x", "--worker", "job/8"), "is for Jobs of completion mode Indexed, which set JOB_COMPLETION_INDEX"),
        (("http://x", "--workers", "3", "--users", "2"), "3 workers are too many for 2 users"),
        (("http://x", "--timeout", "0s"), "The timeout is 0: give seconds above 0"),
        (("http://x", "--connect-timeout", "0s"), "give --connect-timeout a time above 0"),
        (("http://x", "--baseline", "/no/file.json"), "Cannot read /no/file.json (No such file or directory)"),
        (("http://x", "--html", "/dev/null/page.html"), "/dev/null/page.html cannot be written (File exists)"),
        (("http://x", "--rate", "replay:/no/where"), "There is no folder /no/where"),
        (("merge",), "There is nothing to merge"),
        (("merge", "/no/file.json"), "Cannot read /no/file.json (No such file or directory)"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: tuple[str, ...], sentence: str) -> None:
    done = _load(*words)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("groundhog: ")
    assert sentence in last
    assert "Traceback" not in done.stderr


def test_a_server_that_cannot_be_reached_is_said_in_one_line() -> None:
    done = _load("http://x", "--workers", "2", refuse="nobody")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[1:] == ["groundhog: Nothing listens there: start the server"]


def test_a_server_that_dies_and_stays_away_is_said_in_one_line_and_what_was_recorded_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    words = ("http://x", "--duration", "60s", "--out", str(out))
    done = _load(*words, behave="dying", refuse="once_and_never_again")
    assert done.returncode == 1
    assert (
        "ended early (the server has died (the server has ended with exit code 9) and cannot be reached again: Nothing "
        "listens there: start the server): what was recorded until then is judged"
    ) in " ".join(done.stdout.split())
    assert result_files.read(out).operations[0].count > 20
    # Merged, it is judged: too many errors, or too few requests.
    assert _load("merge", "--telemetry", "none", str(out)).returncode in (3, 4)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_was_recorded_and_no_process_left(
    workers: int, number: signal.Signals, tmp_path: Path
) -> None:
    out, mark = tmp_path / "result.json", tmp_path / "mark"
    options = ("--duration", "10min", "--users", "2", "--workers", str(workers), "--out", str(out))
    with subprocess.Popen(
        _words("http://x", *options, behave="marking"),
        cwd=ROOT,
        env={**os.environ, "GROUNDHOG_TEST_MARK": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not mark.exists() and process.poll() is None:
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == (workers if workers > 1 else 0)
        os.kill(process.pid, number)
        output, errors = process.communicate(timeout=90)
    assert process.returncode == 130, errors
    name = "Ctrl-C" if number is signal.SIGINT else "SIGTERM"
    assert f"ended early ({name})" in " ".join(output.split())
    assert "tools/call read" in output
    result = result_files.read(out)
    assert result.interrupted == name
    assert result.workers == workers
    assert result.operations[0].count > 0
    assert not any(child.is_running() for child in children)


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['hdrh'] = None; sys.argv[0] = 'groundhog'; from groundhog_otel.cli import main; main()"
    )
    done = subprocess.run(
        (sys.executable, "-c", program, "load", "http://x"), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "groundhog: load tests are an extra of this package: pip install 'groundhog-otel[load]'"
    )


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("scale", "Usage: groundhog load scale [OPTIONS] URL, or: groundhog load scale [OPTIONS] -- COMMAND..."),
        ("merge", "Usage: groundhog load merge [OPTIONS] [FILES...]"),
    ],
)
def test_help_begins_with_what_to_type(command: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    app.help_print([command])
    assert usage in " ".join(capsys.readouterr().out.split())


def test_a_sweep_may_be_had_as_json_and_judged_as_junit(tmp_path: Path) -> None:
    report = tmp_path / "budgets.xml"
    options = ("--duration", "500ms", "--warm-up", "0s", "--most", "2", "--telemetry", "none", "--json")
    done = _load("scale", *options, "--junit", str(report), "--", "python", "server.py")
    assert done.returncode in (0, 4), done.stderr
    scaling = json.loads(done.stdout)["scaling"]
    assert [step["concurrency"] for step in scaling["steps"]] == [1, 2]
    assert {need["target"] for need in scaling["needs"]} >= {"commands"}
    assert JUnitXml.fromfile(str(report)).tests > 0


def test_a_sweep_takes_a_command_after_two_dashes_and_says_what_it_measured() -> None:
    options = ("--duration", "500ms", "--warm-up", "0s", "--most", "2", "--telemetry", "none")
    done = _load("scale", *options, "--", "python", "server.py")
    assert done.returncode in (0, 4), done.stderr
    assert "('python', 'server.py')" in done.stderr
    assert "At once" in done.stdout
    assert "1,000 commands/s" in done.stdout
