"""Processes that outlive the command that starts them: started, recognised again, stopped. Only ever our own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psutil

from groundhog_otel.pipeline import StackError
from groundhog_otel.settings import inherited

__all__ = ("Running", "ended_file", "is_alive", "load", "previous_log", "save", "start", "start_again", "stop")

_GRACE_S: Final = 10.0
_END_S: Final = 5.0
_KEPT: Final = '( "$@" >&2 & echo $!; exec >/dev/null 2>&1; wait $!; echo $? >"$0" ) &'
"""Starts a program and leaves a shell behind, which waits for its end and writes down how it ended.

Nobody else could tell: whoever has started the program is gone by then, and init keeps no exit codes.
"""


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
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it was started with, beside the environment of whoever started it."""


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
    """Start a program in a session of its own, its output going to ``log``; what was there is kept as ``….previous``.

    Of our own variables it gets those in ``environment`` and no other.

    Raises:
        StackError: it cannot be started.
    """
    words = tuple(str(part) for part in command)
    given = dict(environment or {})
    inherit = {key: value for key, value in inherited().items() if not key.startswith("GROUNDHOG_")}
    if not os.access(words[0], os.X_OK):
        raise StackError(f"{name} cannot be started ({words[0]} is no program): groundhog stack build")
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous"))
    ended_file(log).unlink(missing_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            ["/bin/sh", "-c", _KEPT, str(ended_file(log)), *words],
            cwd=cwd,
            env={**inherit, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            check=False,
        )
    if not done.stdout.strip():
        raise StackError(f"{name} cannot be started: the system has no room for another process")
    pid = int(done.stdout)
    return Running(name, pid, _born(pid) or "gone", str(log), recipe, address, health, words, given)


def start_again(was: Running, *, cwd: Path) -> Running:
    """Start a process with what it was started with.

    Raises:
        StackError: it cannot be started, or what it was started with is not known.
    """
    if not was.command:
        raise StackError(f"{was.name} was started by an older version: groundhog stack down, then groundhog stack up")
    return start(
        was.name,
        was.command,
        log=Path(was.log),
        cwd=cwd,
        environment=was.environment,
        recipe=was.recipe,
        address=was.address,
        health=was.health,
    )


def ended_file(log: Path) -> Path:
    """Return where it is written how the process of a log has ended: its exit code, as a shell has it."""
    return log.with_suffix(".ended")


def previous_log(running: Running) -> Path:
    """Return what the process before this one has written."""
    return Path(running.log).with_suffix(".previous")


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


def is_alive(running: Running) -> bool:
    """Tell whether that very process is still there."""
    if _born(running.pid) != running.born:
        return False
    try:
        return bool(psutil.Process(running.pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
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


def save(file: Path, processes: Sequence[Running]) -> None:
    """Write down what is running."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(".new")
    scratch.touch(mode=0o600)  # what parts were started with may be secret
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
    running = replace(running, command=tuple(running.command), environment=dict(running.environment))
    named = (running.name, running.born, running.log, running.recipe, running.address, running.health)
    words = (*named, *running.command, *running.environment, *running.environment.values())
    if type(running.pid) is not int or running.pid < 1 or not all(isinstance(word, str) for word in words):
        raise ValueError(item)
    return running
