"""The file that a command has Python run: whether it is there, and whether one beside it stands in a module's way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from groundhog_otel.diagnosis import Finding

__all__ = ("about_script",)

_NEEDED: Final = frozenset(
    {"anyio", "fastmcp", "groundhog_otel", "httpx", "mcp", "opentelemetry", "pydantic", "starlette", "uvicorn", "wrapt"}
)
_HARMLESS: Final = frozenset({"test", "this"})
"""Modules of the standard library that no program imports."""


def about_script(words: list[str]) -> Iterator[Finding]:
    """Tell what is wrong with the script of ``python script.py``, and with its folder, which is looked into first."""
    script = _script(words)
    if script is not None and not script.exists():
        says = f"there is no file {script}" if script.is_absolute() else f"there is no file {script} in {Path.cwd()}"
        yield Finding("fix", "command", says, "Correct its path, or go to the folder that it is in.")
        return
    folder = Path() if script is None else script.parent
    for file in sorted(folder.glob("*.py")):
        if file.stem in _NEEDED or file.stem in sys.stdlib_module_names - _HARMLESS:
            says = f"{file} is imported in place of the module {file.stem}, by whatever is started in its folder"
            do = f"Rename it, to my_{file.name} for one."
            yield Finding("fix" if file.stem in _NEEDED else "note", "command", says, do)


def _script(words: list[str]) -> Path | None:
    if not words or not Path(words[0]).name.startswith("python"):
        return None
    after = next((word for word in words[1:] if not word.startswith("-") or word in ("-m", "-c", "-")), "-")
    return None if after.startswith("-") or not after.endswith(".py") else Path(after)
