"""Where a process answers for its health, by its number: it says so in the folder that announcements are in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass

import psutil

from groundhog_otel.announcing import FolderError, private_folder, prune, put, same_process, taken
from groundhog_otel.settings.profiling import control_directory

__all__ = ("Answering", "announce", "answering", "withdraw")


@dataclass(frozen=True, slots=True)
class Answering:
    """A process that can be asked."""

    pid: int
    started_s: float
    program: str
    url: str

    @classmethod
    def of(cls, pid: int, url: str = "") -> Answering:
        """Return it for a process that is there.

        Raises:
            psutil.Error: it is not, or is another user's.
        """
        process = psutil.Process(pid)
        return cls(pid, process.create_time(), process.exe(), url)


def announce(url: str) -> None:
    """Say where this process answers.

    Raises:
        FolderError, OSError, psutil.Error: it cannot be said.
    """
    folder = private_folder(control_directory())
    prune(folder)
    own = Answering.of(os.getpid(), url)
    put(folder / f"{own.pid}.health.json", asdict(own))


def withdraw() -> None:
    """Take back what this process has said."""
    with suppress(OSError):
        (control_directory() / f"{os.getpid()}.health.json").unlink(missing_ok=True)


def answering(pid: int) -> Iterator[Answering]:
    """Yield the process and those below it that answer: it may only be what has started them, like ``uv run``.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    top = psutil.Process(pid)
    try:
        folder = private_folder(control_directory())
    except FolderError:
        return
    for process in (top, *top.children(recursive=True)):
        said = taken(folder / f"{process.pid}.health.json", keep=True)
        try:
            if said is not None:
                found = Answering(**said)
                if same_process(found, Answering.of(process.pid)):
                    yield found
        except (TypeError, psutil.Error):
            continue
