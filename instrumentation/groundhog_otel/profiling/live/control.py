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

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from groundhog_otel.announcing import FolderError, private_folder, prune, put, same_process, taken
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
        prune(folder)
        put(folder / f"{self.pid}.json", asdict(self))


def open_control() -> Path:
    """Return the folder, which is this user's alone.

    Raises:
        ProfileError: it cannot be made, or somebody else has made it.
    """
    try:
        return private_folder(control_directory())
    except FolderError as error:
        raise ProfileError(str(error)) from None


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
    return found if found is not None and same_process(found, now) else None


def withdraw(pid: int) -> None:
    """Take back what a process has said of itself."""
    with suppress(OSError):
        (control_directory() / f"{pid}.json").unlink(missing_ok=True)


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
