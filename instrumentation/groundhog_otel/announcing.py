"""A folder of this user's alone, in which processes say that they are there and what they can be asked for.

Files whose names begin with the process's number: ``4711.json``. They outlive a process that is killed; whoever
announces itself next removes them.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import psutil

__all__ = ("FolderError", "Identity", "private_folder", "prune", "put", "same_process", "taken")

_PRIVATE: Final = 0o700
_CLOCK_S: Final = 2.0
"""The system counts from its start, and what that was moves with the clock."""


class FolderError(Exception):
    """The folder is not to be had. The message is one line: why, and what to do about it."""


class Identity(Protocol):
    """What tells a process from another one that was given its number."""

    @property
    def started_s(self) -> float:
        """Since 1970, as the system tells it."""

    @property
    def program(self) -> str:
        """The interpreter's path: a process that has become another program by ``exec`` keeps its start."""


def private_folder(folder: Path) -> Path:
    """Return the folder, made where it is missing, once it is this user's alone.

    Raises:
        FolderError: it cannot be made, or somebody else has made it.
    """
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE)
        found = folder.lstat()
    except OSError as error:
        raise FolderError(
            f"cannot make {folder} ({error.strerror}): processes say there what they can be asked for"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise FolderError(f"{folder} is not a folder for you alone: have it removed, and it is made anew")
    return folder


def same_process(said: Identity, now: Identity) -> bool:
    """Tell whether the process that said something is the one that has its number now."""
    return said.program == now.program and abs(said.started_s - now.started_s) <= _CLOCK_S


def prune(folder: Path) -> None:
    """Remove what processes have left that were killed."""
    for file in folder.iterdir():
        pid = file.name.partition(".")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            file.unlink(missing_ok=True)


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
