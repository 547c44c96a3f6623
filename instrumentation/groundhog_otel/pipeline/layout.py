"""Where the stack's sources and configuration files are, and folders for what it keeps."""

from __future__ import annotations

import tempfile
from pathlib import Path

from groundhog_otel.pipeline import StackError

__all__ = ("find_project", "writable")


def find_project(start: Path | None = None) -> Path:
    """Return the top of the clone: around this package when it is installed from there, else around ``start``.

    Raises:
        StackError: there is none; the stack needs the clone's collector/ and deploy/ folders.
    """
    here = Path(__file__).resolve()
    cwd = (start or Path.cwd()).resolve()
    for folder in (*here.parents, cwd, *cwd.parents):
        if (folder / "otel-config.yaml").is_file() and (folder / "collector" / "builder-config.yaml").is_file():
            return folder
    raise StackError(
        "the stack is built from a clone of groundhog-otel, and none is here: clone it and run this inside the clone"
    )


def writable(folder: Path, variable: str) -> None:
    """Make a folder that can be written to.

    Raises:
        StackError: it cannot; the message names the ``variable`` that chooses another.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"{folder} cannot be written to ({error.strerror})"
        raise StackError(f"{reason}: make it so, or choose another folder with {variable}") from error
