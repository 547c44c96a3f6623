"""Where the stack's sources and configuration files are."""

from __future__ import annotations

from pathlib import Path

from groundhog_otel.pipeline import StackError

__all__ = ("find_project",)


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
