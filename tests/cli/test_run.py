from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundhog_otel.store.layout import run_directories
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
SPAN = "from opentelemetry import trace; trace.get_tracer('t').start_span('one').end()"


def _environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GROUNDHOG_"))}
    return {**kept, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "groundhog_resources", **more}


def _run(
    *words: str, cwd: Path, stdin: bytes = b"", environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [GROUNDHOG, "run", *words], cwd=cwd, input=stdin, env=environ or _environ(), capture_output=True, check=False
    )


def _recorded(cwd: Path) -> Recording:
    return read_runs(run_directories(cwd / ".groundhog"))


def test_a_program_is_recorded_below_the_working_directory(tmp_path: Path) -> None:
    done = _run("--", sys.executable, "-c", SPAN, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    recording = _recorded(tmp_path)
    assert [(one.name, one.process.service) for one in recording.spans] == [("one", "python")]
    (run,) = recording.runs
    assert run.manifest is not None
    assert run.manifest.command == (sys.executable, "-c", SPAN)
    assert run.manifest.exit_code == 0
    assert run.manifest.duration_s is not None


def test_name_folder_and_interval_are_taken(tmp_path: Path) -> None:
    program = f"import os; {SPAN}; print(os.environ['OTEL_METRIC_EXPORT_INTERVAL'])"
    words = ("--dir", "here", "--name", "me", "--interval", "0.5", "--", sys.executable, "-c", program)
    assert _run(*words, cwd=tmp_path).stdout == b"500\n"
    recording = read_runs(run_directories(tmp_path / "here"))
    assert [one.process.service for one in recording.spans] == ["me"]
    assert not (tmp_path / ".groundhog").exists()


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_the_commands(tmp_path: Path, code: int) -> None:
    done = _run("--", sys.executable, "-c", f"{SPAN}; import sys; sys.exit({code})", cwd=tmp_path)
    assert done.returncode == code
    manifest = _recorded(tmp_path).runs[0].manifest
    assert manifest is not None
    assert manifest.exit_code == code


def test_bytes_pass_through_as_in_a_bare_run(tmp_path: Path) -> None:
    program = (
        "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1]);"
        f"sys.stderr.buffer.write(data + b'!'); {SPAN}"
    )
    stdin = bytes(range(256)) * 5000
    bare = subprocess.run([sys.executable, "-c", program], input=stdin, capture_output=True, check=True)
    watched = _run("--", sys.executable, "-c", program, cwd=tmp_path, stdin=stdin)
    assert (watched.stdout, watched.stderr) == (bare.stdout, bare.stderr)
    assert _recorded(tmp_path).spans


def test_arguments_pass_through_whatever_they_look_like(tmp_path: Path) -> None:
    words = ["--dir", "x", "--", "-h", "--version", "", "a b", "$HOME", "ü"]
    done = _run("--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words, cwd=tmp_path)
    assert done.stdout.decode().strip() == str(words)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_reaches_the_command_and_its_answer_comes_back(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    code = _signalled(tmp_path, program, number)
    assert code == 42


def test_death_by_a_signal_is_told_as_a_shell_tells_it(tmp_path: Path) -> None:
    code = _signalled(tmp_path, "import time; print('ready', flush=True); time.sleep(60)", signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    manifest = _recorded(tmp_path).runs[0].manifest
    assert manifest is not None
    assert manifest.exit_code == 128 + signal.SIGTERM


def _signalled(tmp_path: Path, program: str, number: signal.Signals) -> int:
    words = [GROUNDHOG, "run", "--", sys.executable, "-c", program]
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        env=_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # Whoever runs the tests in the background may have it ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        return process.wait()


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    done = _run("--", "no-such-command", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (127, b"")
    assert done.stderr == b"groundhog: no-such-command is not a command: check its spelling, and PATH\n"
    assert not (tmp_path / ".groundhog").exists()


def test_a_command_that_may_not_be_executed(tmp_path: Path) -> None:
    (tmp_path / "x").touch(mode=0o644)
    done = _run("--", "./x", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (126, b"groundhog: ./x is not executable\n")


def test_help_that_is_asked_for_before_the_command_is_ours(tmp_path: Path) -> None:
    done = _run("--help", "--", sys.executable, "-c", SPAN, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(b"Usage: groundhog run [OPTIONS] -- COMMAND...")


def test_no_command_at_all(tmp_path: Path) -> None:
    done = _run(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"groundhog run -- python my_server.py" in done.stderr


def test_a_folder_that_cannot_be_written_to_leaves_the_command_unrecorded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = _run("--dir", "file", "--", sys.executable, "-c", "print('hello'); raise SystemExit(5)", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, b"hello\n")
    assert re.fullmatch(rb"groundhog: not recorded: cannot write to .* Name another folder with --dir\.\n", done.stderr)


def test_a_command_of_another_environment_runs_unrecorded_and_that_is_said(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "v"], cwd=tmp_path, check=True)
    python = tmp_path / "v" / "bin" / "python"
    done = _run("--", str(python), "-c", "print('hello'); raise SystemExit(5)", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, b"hello\n")
    (line,) = done.stderr.decode().splitlines()
    assert f"{python} -m pip install 'groundhog-otel[tools]'" in line


def test_a_command_that_starts_no_python_is_said_to_have_recorded_nothing(tmp_path: Path) -> None:
    done = _run("--", "true", cwd=tmp_path)
    assert done.returncode == 0
    assert b"nothing was recorded in" in done.stderr


def test_a_run_within_a_run_joins_it_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text(SPAN)
    inner = [GROUNDHOG, "run", "--", sys.executable, str(tmp_path / "inner.py")]
    program = f"import subprocess, sys; {SPAN}; sys.exit(subprocess.run({inner!r}).returncode)"
    done = _run("--name", "outer", "--", sys.executable, "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    recording = _recorded(tmp_path)
    assert len(recording.runs) == 1
    assert sorted(one.process.service for one in recording.spans) == ["inner", "outer"]
    assert len({one.process.pid for one in recording.spans}) == 2


def test_a_killed_command_keeps_what_it_had_exported(tmp_path: Path) -> None:
    program = (
        f"import os, signal; {SPAN}; trace.get_tracer_provider().force_flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert _run("--", sys.executable, "-c", program, cwd=tmp_path).returncode == 128 + signal.SIGKILL
    assert len(_recorded(tmp_path).spans) == 1


def test_descriptors_of_a_parent_pass_through(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    program = f"import os; os.write({writing}, b'through')"
    subprocess.run(
        [GROUNDHOG, "run", "--", sys.executable, "-c", program],
        cwd=tmp_path, env=_environ(), pass_fds=[writing], check=True, capture_output=True,
    )  # fmt: skip
    assert os.read(reading, 10) == b"through"
    os.close(reading)
    os.close(writing)


def test_the_services_name_is_the_users(tmp_path: Path) -> None:
    _run("--", sys.executable, "-c", SPAN, cwd=tmp_path, environ=_environ(OTEL_SERVICE_NAME="theirs"))
    assert [one.process.service for one in _recorded(tmp_path).spans] == ["theirs"]


def test_a_run_that_goes_on_can_already_be_reported(tmp_path: Path) -> None:
    program = (
        f"{SPAN}; import time; trace.get_tracer_provider().force_flush(); print('ready', flush=True); time.sleep(60)"
    )
    words = [GROUNDHOG, "run", "--", sys.executable, "-c", program]
    with subprocess.Popen(
        words, cwd=tmp_path, env=_environ(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        report = subprocess.run([GROUNDHOG, "report", "--json"], cwd=tmp_path, capture_output=True, check=True)
        process.terminate()
    found = json.loads(report.stdout)
    assert found["spans"] == 1
    assert found["runs"][0]["manifest"]["exit_code"] is None
