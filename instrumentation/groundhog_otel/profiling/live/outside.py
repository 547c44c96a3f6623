"""A profile of a process that nobody has prepared, by py-spy, which reads its memory from outside.

It sees threads and lines. Whose call they are for it cannot know, and neither what is suspended.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files import save_profile
from groundhog_otel.profiling.live.attaching import require_process
from groundhog_otel.profiling.model import Frame, Profile, Sample, ValueType, new_profile_id
from groundhog_otel.store.layout import new_run_id, prepare, profile_file

__all__ = ("py_spy", "record")

_VALUES: Final = (ValueType("wall", "nanoseconds"), ValueType("cpu", "nanoseconds"))
_CLOSE_S: Final = 30.0
_POLL_S: Final = 0.2


def py_spy() -> str | None:
    """Return the program: that of this Python environment, or the one on the path."""
    return shutil.which("py-spy", path=sysconfig.get_path("scripts")) or shutil.which("py-spy")


def record(
    pid: int, *, store: Path, duration_s: float, interval_s: float, on_progress: Callable[[float, int], None]
) -> Path:
    """Profile a process for a while, or until Ctrl-C, and return the file of its profile in a run of its own.

    ``on_progress`` is called a few times a second with the seconds so far, and 0.

    Raises:
        ProfileError: py-spy is not there, may not look into the process, or has failed.
        KeyboardInterrupt: there was a second Ctrl-C.
    """
    name = require_process(pid).name()
    program = py_spy()
    if program is None:
        raise ProfileError("py-spy is not installed: pip install py-spy")
    rate = max(1, round(1 / interval_s))
    with tempfile.TemporaryDirectory(prefix="groundhog-") as folder:
        raw = Path(folder, "profile.json")
        words = [program, "record", "--pid", str(pid), "--format", "speedscope", "--output", str(raw),
                 "--rate", str(rate), "--duration", "unlimited", "--nonblocking"]  # fmt: skip
        start_ns = time.time_ns()
        said = _run(words, duration_s, on_progress)
        if not raw.exists():
            raise ProfileError(_why(said, pid))
        profile = _profile(json.loads(raw.read_bytes()), start_ns=start_ns, name=name, pid=pid, rate=rate)
        profile = replace(profile, engine=_version(program))
    try:
        run = prepare(store, new_run_id())
        file = profile_file(run, service=name, pid=pid, kind="cpu", profile_id=profile.profile_id)
        save_profile(file, profile)
    except OSError as error:
        raise ProfileError(f"cannot write to {store} ({error.strerror}): name another folder with --dir") from None
    return file


def _run(words: list[str], duration_s: float, on_progress: Callable[[float, int], None]) -> str:
    """Run py-spy until its time is up, its process has ended, or Ctrl-C; return what it has said."""
    with tempfile.TemporaryFile("w+") as said:
        # A group of its own: Ctrl-C is for us, and we end it in the way that has it write its file.
        spy = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        begun_s = time.monotonic()
        try:
            while spy.poll() is None and time.monotonic() - begun_s < duration_s:
                on_progress(time.monotonic() - begun_s, 0)
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            pass  # what there is so far is kept
        finally:
            if spy.poll() is None:
                spy.send_signal(signal.SIGINT)
            try:
                spy.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                spy.kill()
                spy.wait()
        said.seek(0)
        return said.read()


def _why(said: str, pid: int) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "rror" in line or "ermission" in line), lines[-1] if lines else "")
    if "ermission" in said or "EPERM" in said:
        return (
            f"py-spy may not look into process {pid}: run this as root, or set kernel.yama.ptrace_scope=0, or start "
            "it with OTEL_PYTHON_GROUNDHOG_PROFILE=on-signal"
        )
    return f"py-spy has seen nothing of process {pid} ({last}): is it a Python that still runs?"


def _version(program: str) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        asked = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
        return asked.stdout.strip()
    return "py-spy"


def _profile(raw: dict[str, Any], *, start_ns: int, name: str, pid: int, rate: int) -> Profile:
    """Return what py-spy has written for speedscope: a list of frames, and for each thread its stacks.

    Source: https://www.speedscope.app/file-format-schema.json
    """
    frames = [
        Frame(str(one.get("name", "")), str(one.get("file", "")), int(one.get("line") or 0))
        for one in raw["shared"]["frames"]
    ]
    each_ns = int(1e9 / rate)
    samples = [
        Sample(
            tuple(frames[index] for index in stack), (each_ns, each_ns), None, "running",
            str(thread.get("name", "")), start_ns,
        )
        for thread in raw["profiles"]
        for stack in thread["samples"]
        if stack
    ]  # fmt: skip
    return Profile(
        profile_id=new_profile_id(), kind="cpu", start_ns=start_ns, end_ns=time.time_ns(), value_types=_VALUES,
        samples=tuple(samples), service=name, pid=pid, interval_ns=each_ns,
        facts={
            "seen from outside": "threads that ran; whose call it was for, and what was awaited, is not known",
            "looks": len(samples),
        },
    )  # fmt: skip
