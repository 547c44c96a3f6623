"""Removing built programs that nothing uses any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import psutil

__all__ = ("prune",)


def prune(cache: Path, programs: Iterable[Path]) -> list[tuple[Path, int]]:
    """Remove the cached builds that hold none of ``programs`` and that no process runs from.

    Returns:
        Each removed folder and its size in bytes.
    """
    used = {program.resolve().parent for program in programs} | _running()
    removed = []
    for folder in sorted((cache / "bin").glob("*-*")):
        if folder.resolve() not in used and folder.is_dir():
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            shutil.rmtree(folder)
            removed.append((folder, size))
    return removed


def _running() -> set[Path]:
    """Return the folders of all programs that run now, as far as the system tells."""
    found = (process.info["exe"] for process in psutil.process_iter(["exe"]))
    return {Path(exe).parent for exe in found if exe}
