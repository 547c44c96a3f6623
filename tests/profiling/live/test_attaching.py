"""Profiles that somebody asks a running process for: by attaching, or by the signal alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files import read_profile
from groundhog_otel.profiling.live import attaching, control
from groundhog_otel.profiling.live.attaching import Attached, attach
from groundhog_otel.profiling.live.request import Request
from groundhog_otel.profiling.live.signals import catches
from groundhog_otel.profiling.model import Profile
from tests.profiling.live.processes import (
    MODE,
    SCRIPTS,
    Server,
    burning,
    environ,
    eventually,
    instrumented,
    only_profile,
    profile_files,
)  # fmt: skip
from tests.support.processes import ROOT

ON_SIGNAL = {MODE: "on-signal"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with instrumented(tmp_path, **ON_SIGNAL) as started:
        yield started


def _attached(server: Server, request: Request) -> Attached:
    found = attach(server.pid, request)
    assert found is not None
    return found


def _targets(profile: Profile) -> set[str | None]:
    return {one.link.target for one in profile.samples if one.link is not None and one.link.method == "tools/call"}


def test_a_running_server_is_profiled_until_it_is_told_to_stop(server: Server, tmp_path: Path) -> None:
    server.call("cool", seconds=0.1)
    assert not profile_files(tmp_path)
    attached = _attached(server, Request(duration_s=50))
    server.call("hot", seconds=0.3)
    assert attached.over() is None
    assert attached.stop() == "stopped"
    attached.close()
    server.call("cool", seconds=0.1)
    assert server.end() == (0, "")
    profile = read_profile(attached.file)
    assert (profile.complete, profile.profile_id) == (True, attached.profile_id)
    assert _targets(profile) == {"hot"}
    # ... and into the folder of the run that the server's spans are in.
    assert {one.name.split(".")[-2] for one in attached.file.parent.iterdir()} == {"profile", "traces"}


def test_it_ends_by_itself_when_its_time_is_over(server: Server) -> None:
    attached = _attached(server, Request(duration_s=0.5))
    assert eventually(lambda: attached.over() == "time")
    assert read_profile(attached.file).complete


def test_it_ends_by_itself_after_so_many_calls(server: Server) -> None:
    attached = _attached(server, Request(duration_s=50, tools=("h*",), calls=1))
    server.call("cool", seconds=0.1)
    assert attached.over() is None
    server.call("hot", seconds=0.1)
    assert eventually(lambda: attached.over() == "calls")
    assert _targets(read_profile(attached.file)) == {"hot"}


def test_it_ends_by_itself_when_it_is_large_enough(server: Server) -> None:
    attached = _attached(server, Request(duration_s=50, limit_bytes=1000))
    server.call("hot", seconds=0.5)
    assert eventually(lambda: attached.over() == "size")
    assert read_profile(attached.file).complete


def test_whoever_asks_learns_of_the_end_of_the_server(server: Server) -> None:
    attached = _attached(server, Request(duration_s=50))
    assert server.end() == (0, "")
    assert attached.over() in {"exit", "gone"}
    assert read_profile(attached.file).complete


def test_whoever_asks_learns_of_the_death_of_the_server(server: Server) -> None:
    attached = _attached(server, Request(duration_s=50))
    server.call("hot", seconds=0.3)
    assert eventually(lambda: bool(_targets(read_profile(attached.file))))
    server.kill()
    assert attached.over() == "gone"
    profile = read_profile(attached.file)
    assert (profile.complete, _targets(profile)) == (False, {"hot"})


def test_memory_is_tracked_on_request(server: Server) -> None:
    pytest.importorskip("memray")
    attached = _attached(server, Request(kind="memory", duration_s=50))
    server.call("hold", size=2_000_000)
    attached.stop()
    assert attached.file.name.endswith(".memray.bin")
    from groundhog_otel.profiling.live.recordings import settle

    profile = read_profile(settle(attached.file))
    place = [one.name for one in profile.value_types].index("inuse_space")
    held = sum(one.values[place] for one in profile.samples if one.link is not None and one.link.target == "hold")
    assert held == pytest.approx(2_000_000, rel=0.1)


def test_what_cannot_be_done_is_said_to_who_asks_and_nobody_else(server: Server) -> None:
    with pytest.raises(ProfileError, match=r"cannot be profiled: memory is told apart for one tool, or for all"):
        attach(server.pid, Request(kind="memory", tools=("a", "b")))
    first = _attached(server, Request(duration_s=50))
    with pytest.raises(ProfileError, match="it is being profiled already"):
        attach(server.pid, Request(duration_s=50))
    first.stop()
    assert server.end() == (0, "")


def test_the_signal_alone_starts_a_profile_and_ends_it(server: Server, tmp_path: Path) -> None:
    server.process.send_signal(signal.SIGUSR2)
    assert eventually(lambda: len(profile_files(tmp_path)) == 1)
    server.call("hot", seconds=0.2)
    server.process.send_signal(signal.SIGUSR2)
    assert eventually(lambda: only_profile(tmp_path).complete)
    server.call("cool", seconds=0.1)
    assert server.end() == (0, "")
    assert _targets(only_profile(tmp_path)) == {"hot"}


def test_the_signal_alone_ends_the_profile_from_the_start(tmp_path: Path) -> None:
    with instrumented(tmp_path, **{MODE: "cpu,on-signal", f"{MODE}_SIGNAL": "SIGUSR1"}) as server:
        server.process.send_signal(signal.SIGUSR1)
        assert eventually(lambda: only_profile(tmp_path).complete)
        assert server.end() == (0, "")


def test_a_handler_that_the_program_sets_later_stays_and_gets_no_signal_of_ours(tmp_path: Path) -> None:
    with instrumented(tmp_path, "own", **ON_SIGNAL) as server:
        assert control.listening(server.pid) is None
        assert attach(server.pid, Request()) is None
        server.call("add", a=1, b=2)
        server.process.send_signal(signal.SIGUSR2)
        server.call("add", a=1, b=2)
        code, said = server.end()
    assert (code, said) == (0, "the program's own handler\n")
    assert not profile_files(tmp_path)


OWN_FIRST = """
import faulthandler, runpy, signal, sys
{first}
from groundhog_otel.profiling.live.instrumentor import ProfilingInstrumentor
ProfilingInstrumentor().instrument()
print(signal.getsignal(signal.SIGUSR2) in (own, signal.SIG_DFL), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "first",
    [
        "own = lambda *_: print('own', flush=True); signal.signal(signal.SIGUSR2, own)",
        "own = signal.SIG_DFL; faulthandler.register(signal.SIGUSR2, file=sys.stdout)",
        "own = signal.SIG_IGN; signal.signal(signal.SIGUSR2, own)",
    ],
)
def test_a_handler_that_is_there_already_is_left_alone(tmp_path: Path, first: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWN_FIRST.replace("{first}", first)], env=environ(tmp_path, **ON_SIGNAL), cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert attach(process.pid, Request()) is None
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "SIGUSR2 is in use by this program, and is left to it" in said
    assert "OTEL_PYTHON_GROUNDHOG_PROFILE_SIGNAL=SIGUSR1" in said


def test_a_handler_that_is_put_back_makes_the_process_listen_again() -> None:
    program = (
        "import os, signal\n"
        "from groundhog_otel.profiling.live.instrumentor import ProfilingInstrumentor\n"
        "from groundhog_otel.profiling.live import control\n"
        "before = signal.signal\n"
        "def listens(): return control.listening(os.getpid()) is not None\n"
        "ProfilingInstrumentor().instrument(modes=['on-signal'])\n"
        "said = [listens()]\n"
        "ours = signal.signal(signal.SIGUSR2, signal.SIG_IGN); said.append(listens())\n"
        "signal.signal(signal.SIGUSR2, ours); said.append(listens())\n"
        "ProfilingInstrumentor().uninstrument()\n"
        "said.append(listens())\n"
        "print(said, signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL, signal.signal is before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout == "[True, False, True, False] True True\n"


def test_a_process_that_was_not_prepared_is_never_signalled() -> None:
    with burning() as process:
        assert not catches(process.pid, signal.SIGUSR2)
        assert attach(process.pid, Request()) is None
        # Nor when a file says that it listens, as of another program that had its number and its start.
        control.Listening.of(process.pid, signal=signal.SIGUSR2).announce()
        try:
            assert control.listening(process.pid) is not None
            assert attach(process.pid, Request()) is None
        finally:
            control.withdraw(process.pid)
        assert process.poll() is None


def test_an_announcement_of_another_process_with_that_number_is_not_believed() -> None:
    own = control.Listening.of(os.getpid(), signal=signal.SIGUSR2)
    for other in ({"started_s": own.started_s - 100}, {"program": "/usr/bin/other"}):
        control.put(control.open_control() / f"{own.pid}.json", {
            "pid": own.pid, "started_s": own.started_s, "program": own.program, "signal": own.signal, **other
        })  # fmt: skip
        assert control.listening(own.pid) is None
    control.withdraw(own.pid)


def test_what_killed_processes_have_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with instrumented(tmp_path, **ON_SIGNAL) as server:
        attached = _attached(server, Request(duration_s=50))
        server.kill()
        attached.over()
    folder = control.open_control()
    assert list(folder.glob(f"{server.pid}.*"))
    control.Listening.of(os.getpid(), signal=signal.SIGUSR2).announce()
    control.withdraw(os.getpid())
    assert not list(folder.glob(f"{server.pid}.*"))


def test_a_forked_child_can_be_asked_too(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    print(os.getpid(), flush=True); sys.stdin.read(); os._exit(0)\n"
        "os.waitpid(child, 0)"
    )
    with subprocess.Popen(
        [SCRIPTS / "opentelemetry-instrument", sys.executable, "-c", program], env=environ(tmp_path, **ON_SIGNAL),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        child = int(process.stdout.readline())
        attached = attach(child, Request(duration_s=20))
        assert attached is not None
        assert attached.stop() == "stopped"
        process.communicate(timeout=20)
    assert read_profile(attached.file).pid == child
    control.withdraw(child)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_event_loop_that_waits_is_woken(tmp_path: Path, loop: str) -> None:
    pytest.importorskip(loop)
    program = (
        f"import asyncio, {loop}\n"
        "async def main():\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(50)\n"
        f"{loop}.run(main())"
    )
    with subprocess.Popen(
        [SCRIPTS / "opentelemetry-instrument", sys.executable, "-c", program], env=environ(tmp_path, **ON_SIGNAL),
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        attached = attach(process.pid, Request(duration_s=20))
        assert attached is not None
        assert attached.stop() == "stopped"
        process.kill()
    control.withdraw(process.pid)


def test_there_is_no_such_process() -> None:
    with pytest.raises(ProfileError, match=r"there is no process 4194305: find it with ps"):
        attach(4_194_305, Request())


def test_a_folder_that_is_somebody_elses_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "control"
    monkeypatch.setattr(control, "control_directory", lambda: folder)
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(ProfileError, match="is not a folder for you alone"):
        control.open_control()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ProfileError, match="is not a folder for you alone"):
        control.open_control()


def test_a_process_that_runs_a_file_for_us_needs_no_preparation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``sys.remote_exec`` does from Python 3.14 on, the process does here by itself: it runs a file."""
    program = "import sys\nfor line in sys.stdin:\n    exec(open(line.strip()).read())"
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environ(tmp_path), cwd=ROOT, stdin=subprocess.PIPE, text=True
    ) as process:

        def remote_exec(pid: int, script: str) -> None:
            assert pid == process.pid
            assert process.stdin is not None
            process.stdin.write(f"{script}\n")
            process.stdin.flush()

        monkeypatch.setattr(sys, "remote_exec", remote_exec, raising=False)
        monkeypatch.setattr(attaching, "_can_be_told", lambda _: True)
        attached = attach(process.pid, Request(duration_s=20))
        assert attached is not None
        assert attached.stop() == "stopped"
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert read_profile(attached.file).complete
