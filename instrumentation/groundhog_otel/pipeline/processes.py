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
from typing import Any, Final

import psutil

from groundhog_otel.pipeline import StackError
from groundhog_otel.settings import inherited

__all__ = ("Running", "is_alive", "last_words", "load", "save", "start", "stop")

_GRACE_S: Final = 10.0
_END_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours."""

    name: str
    pid: int
    born: str
    """What tells it from a later process that gets the same number."""
    log: str
    recipe: str = ""
    """A digest of all it was started with."""
    address: str = ""
    health: str = ""
    """Where it listens, and where it says how it is."""


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    recipe: str = "",
    address: str = "",
    health: str = "",
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
                env={**inherited(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StackError(f"{name} cannot be started ({error}): delete the cache folder and try again") from error
    born = _born(process.pid) or "gone"
    process.returncode = 0  # it is not ours to wait for: it goes on when this command has ended
    return Running(name, process.pid, born, str(log), recipe, address, health)


def _born(pid: int) -> str | None:
    """Return when a process started, in words that stay the same when somebody sets the clock; None when it is gone.

    psutil's ``create_time`` on Linux is the kernel's count since boot plus a boot time that moves with the clock.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {fields[19]}"
    except (OSError, IndexError):
        try:
            return f"{psutil.Process(pid).create_time():.6f}"
        except psutil.NoSuchProcess:
            return None


def _reap(pid: int) -> None:
    """Take note of the end of a child, if it is this process's."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def is_alive(running: Running) -> bool:
    """Tell whether that very process is still there."""
    if _born(running.pid) != running.born:
        return False
    try:
        if psutil.Process(running.pid).status() != psutil.STATUS_ZOMBIE:
            return True
    except psutil.NoSuchProcess:
        return False
    _reap(running.pid)
    return False


def stop(running: Running) -> bool:
    """Ask a process to end, and end it when it has not after ten seconds; return whether it had to be.

    Raises:
        StackError: not even that ended it.
    """
    if _ends_after(signal.SIGTERM, running, _GRACE_S):
        return False
    if _ends_after(signal.SIGKILL, running, _END_S):
        return True
    raise StackError(f"{running.name} (process {running.pid}) cannot be ended: the system does not let go of it")


def _ends_after(number: signal.Signals, running: Running, within_s: float) -> bool:
    if not is_alive(running):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, number)
    deadline = time.monotonic() + within_s
    while is_alive(running):
        if time.monotonic() > deadline:
            return False
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

    Raises:
        StackError: there is one that may not be read.
    """
    try:
        return [_restored(item) for item in json.loads(file.read_text("utf-8"))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StackError(f"{file} cannot be read ({error.strerror}): is it another user's?") from error
    except (ValueError, TypeError):
        file.replace(file.with_suffix(".unreadable"))
        return []


def _restored(item: Any) -> Running:
    running = Running(**item)
    words = (running.name, running.born, running.log, running.recipe, running.address, running.health)
    if type(running.pid) is not int or running.pid < 1 or not all(isinstance(word, str) for word in words):
        raise ValueError(item)
    return running
