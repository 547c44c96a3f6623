"""Processes that outlive the command that starts them: started, recognised again, stopped. Only ever our own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from groundhog_otel.pipeline import StackError

__all__ = ("Running", "is_alive", "last_words", "load", "save", "start", "stop")

_GRACE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours. Its start time tells it from a later process that got the same number."""

    name: str
    pid: int
    created_s: float
    log: str


def start(
    name: str, command: Sequence[str | Path], *, log: Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> Running:
    """Start a program in a session of its own, its output going to ``log``.

    Raises:
        StackError: it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StackError(f"{name} cannot be started ({error}): delete the cache folder and try again") from error
    try:
        created_s = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        created_s = 0.0
    process.returncode = 0  # it is not ours to wait for: it goes on when this command has ended
    return Running(name, process.pid, created_s, str(log))


def _find(running: Running) -> psutil.Process | None:
    try:
        process = psutil.Process(running.pid)
        if abs(process.create_time() - running.created_s) > 0.01:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(running.pid)
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def _reap(pid: int) -> None:
    """Take note of the end of a child, if it is this process's."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def is_alive(running: Running) -> bool:
    """Tell whether that very process is still there."""
    return _find(running) is not None


def stop(running: Running) -> bool:
    """Ask a process to end, and end it when it has not after ten seconds; return whether it had to be."""
    if _find(running) is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline:
        if _find(running) is None:
            return False
        time.sleep(0.05)
    if _find(running) is not None:
        os.kill(running.pid, signal.SIGKILL)
        while _find(running) is not None:
            time.sleep(0.05)
    return True


def last_words(running: Running) -> str:
    """Return the end of a log, from its error on where there is one, on one line."""
    try:
        lines = Path(running.log).read_text("utf-8", "replace").splitlines()
    except OSError:
        return "it left no log"
    lines = [line.strip() for line in lines if line.strip()]
    # An error may go on over the lines that follow it.
    first = next((number for number, line in enumerate(lines[-8:]) if "error" in line.lower()), -2)
    return " | ".join(line[:300] for line in lines[-8:][first:]) or "it said nothing"


def save(file: Path, processes: Sequence[Running]) -> None:
    """Write down what is running."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".new")
    scratch.write_text(json.dumps([asdict(running) for running in processes], indent=2) + "\n", "utf-8")
    scratch.replace(file)


def load(file: Path) -> list[Running]:
    """Return what was written down; nothing when there is nothing, or nothing legible.

    An illegible file is set aside, so that its process numbers are not lost to whoever looks.
    """
    try:
        return [Running(**item) for item in json.loads(file.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        file.replace(file.with_suffix(".unreadable"))
        return []
