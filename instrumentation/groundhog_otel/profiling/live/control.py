"""What a process that can be profiled and whoever asks it say to each other: small files in a folder of this user's.

::

    /tmp/groundhog-1000/
      4711.json                    process 4711 listens; what it is, so that its number given to another is not believed
      4711.lock                    held by who asks, from the request to the first answer
      4711.request.json            what is asked for; the process takes it away
      4711.answer.<request>.json   what has come of it

A signal carries no words, so they are in files; the folder is this user's alone, as is the right to send the signal.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.settings.profiling import control_directory

__all__ = (
    "Listening",
    "answer_file",
    "answers_of",
    "listening",
    "lock_file",
    "open_control",
    "put",
    "request_file",
    "taken",
    "withdraw",
)

_PRIVATE: Final = 0o700
_CLOCK_S: Final = 2.0
"""The system counts from its start, and what that was moves with the clock."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A process that can be asked for a profile."""

    pid: int
    started_s: float
    """Since 1970, as the system tells it: with the number, that is one process and no other."""
    program: str
    """The interpreter's path: a process that has become another program by ``exec`` keeps its number and its start."""
    signal: int

    @classmethod
    def of(cls, pid: int, *, signal: int = 0) -> Listening:
        """Return it for a process that is there.

        Raises:
            psutil.Error: it is not, or is another user's.
        """
        process = psutil.Process(pid)
        return cls(pid, process.create_time(), process.exe(), signal)

    def announce(self) -> None:
        """Say so.

        Raises:
            ProfileError: the folder is not to be had.
        """
        folder = open_control()
        _prune(folder)
        put(folder / f"{self.pid}.json", asdict(self))


def open_control() -> Path:
    """Return the folder, which is this user's alone.

    Raises:
        ProfileError: it cannot be made, or somebody else has made it.
    """
    folder = control_directory()
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE)
        found = folder.lstat()
    except OSError as error:
        raise ProfileError(f"cannot make {folder} ({error.strerror}): processes are asked for profiles there") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ProfileError(f"{folder} is not a folder for you alone: have it removed, and it is made anew")
    return folder


def listening(pid: int) -> Listening | None:
    """Return what a process has said of itself; None when it has not, or when it was another one that did.

    Raises:
        ProfileError: the folder is somebody else's.
    """
    said = taken(open_control() / f"{pid}.json", keep=True)
    try:
        found = None if said is None else Listening(**said)
        now = Listening.of(pid)
    except (TypeError, psutil.Error):
        return None
    if found is None or found.program != now.program or abs(found.started_s - now.started_s) > _CLOCK_S:
        return None
    return found


def withdraw(pid: int) -> None:
    """Take back what a process has said of itself."""
    with suppress(OSError):
        (control_directory() / f"{pid}.json").unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    """Remove what processes have left that were killed."""
    for file in folder.iterdir():
        pid = file.name.partition(".")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            file.unlink(missing_ok=True)


def request_file(folder: Path, pid: int) -> Path:
    """Return where a process finds what is asked of it."""
    return folder / f"{pid}.request.json"


def answer_file(folder: Path, pid: int, request: str) -> Path:
    """Return where it answers a request."""
    return folder / f"{pid}.answer.{request}.json"


def answers_of(folder: Path, pid: int) -> list[Path]:
    """Return all that is left of a process besides its announcement."""
    return [*folder.glob(f"{pid}.answer.*"), *folder.glob(f"{pid}.request.*"), *folder.glob(f"{pid}.lock")]


def lock_file(folder: Path, pid: int) -> Path:
    """Return what is locked while a process is asked."""
    return folder / f"{pid}.lock"


def put(file: Path, said: Mapping[str, Any]) -> None:
    """Write, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    draft.write_text(json.dumps(said), encoding="utf-8")
    draft.replace(file)


def taken(file: Path, *, keep: bool = False) -> dict[str, Any] | None:
    """Return what a file says, and remove it; None where there is none, or nothing to be understood."""
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError):
        said = None
    if not keep:
        file.unlink(missing_ok=True)
    return said if isinstance(said, dict) else None
