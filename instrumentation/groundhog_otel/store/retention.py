"""Bounds of the folder of recordings: its oldest runs go, whole, when another begins.

A run is removed when all that is in its folder is ours, no process that has written to it lives, and nothing has been
written to it for two minutes: it may be that of another machine or container, whose processes cannot be seen from here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.settings.retention import RetentionSettings
from groundhog_otel.store.layout import is_ours, parts_of, pid_of, run_directories
from groundhog_otel.store.manifest import Manifest

__all__ = ("KeptRun", "kept_runs", "prune", "tidy", "why_kept")

_FRESH_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run, and what its folder takes."""

    directory: Path
    size_bytes: int
    written_s: float
    """When it was last written to, in Unix seconds."""
    files: tuple[Path, ...]
    manifest: Manifest | None
    living: bool
    """Whether a process lives that has written to it, or may still."""
    foreign: bool
    """Whether there is something in its folder that is not ours."""


def kept_runs(store: Path) -> list[KeptRun]:
    """Return the runs in a folder, oldest first.

    Raises:
        OSError: it cannot be read.
    """
    found = []
    for directory in run_directories(store):
        with suppress(FileNotFoundError):  # another process is removing it
            found.append(_looked_at(directory))
    return found


def why_kept(run: KeptRun, *, now_s: float | None = None) -> str | None:
    """Return why a run must stay, as the end of a sentence; None when it may go."""
    if run.living:
        return "a process of it lives"
    if run.foreign:
        return "something in its folder is not ours"
    if (time.time() if now_s is None else now_s) - run.written_s < _FRESH_S:
        return "it was written to just now"
    return None


def prune(
    runs: Iterable[KeptRun], settings: RetentionSettings, *, keep: str | None = None, dry_run: bool = False
) -> Iterator[KeptRun]:
    """Remove the oldest of the ``runs`` until the rest is within the bounds; yield each that is removed.

    ``keep`` is the id of a run that stays whatever its age: the one that begins. With ``dry_run`` nothing is removed.
    A run that cannot be removed stays, and costs those after it.
    """
    every = list(runs)
    count, size_bytes, now_s = len(every), sum(run.size_bytes for run in every), time.time()
    if keep is not None and all(run.directory.name != keep for run in every):
        count += 1  # it has no file yet
    for run in every:
        too_many = settings.dir_max_runs is not None and count > settings.dir_max_runs
        too_large = settings.dir_max_bytes is not None and size_bytes > settings.dir_max_bytes
        too_old = settings.dir_max_age_s is not None and now_s - run.written_s > settings.dir_max_age_s
        if not (too_many or too_large or too_old) or run.directory.name == keep or why_kept(run, now_s=now_s):
            continue
        if dry_run or _removed(run):
            count, size_bytes = count - 1, size_bytes - run.size_bytes
            yield run


def tidy(store: Path, *, keep: str, settings: RetentionSettings | None = None) -> list[KeptRun]:
    """Bring a folder within its bounds as the run ``keep`` begins, and return what was removed. Never raises OSError.

    Without ``settings`` they are those of the environment; what is wrong with them, whoever writes the files says.
    """
    if settings is None:
        settings, _ = RetentionSettings.from_environ()
    try:
        return list(prune(kept_runs(store), settings, keep=keep))
    except OSError:
        return []


def _removed(run: KeptRun) -> bool:
    try:
        for file in run.files:
            file.unlink(missing_ok=True)
        run.directory.rmdir()
    except OSError:
        return False
    return True


def _looked_at(directory: Path) -> KeptRun:
    manifest = Manifest.read(directory)
    files, size_bytes, written_s, living = [], 0, directory.stat().st_mtime, False
    foreign = directory.is_symlink()
    for file in directory.iterdir():
        status = file.lstat()
        files.append(file)
        size_bytes += status.st_size
        written_s = max(written_s, status.st_mtime)
        foreign = foreign or file.is_symlink() or not file.is_file() or not is_ours(file)
        parts = parts_of(file)
        pid = parts[1] if parts is not None else pid_of(file)
        living = living or (pid is not None and _lives(pid, status.st_mtime))
    if manifest is not None and manifest.duration_s is None and manifest.pid is not None:
        living = living or _lives(manifest.pid, written_s)
    return KeptRun(directory, size_bytes, written_s, tuple(files), manifest, living, foreign)


def _lives(pid: int, written_s: float) -> bool:
    """Tell whether a process lives, and began before what it has written: otherwise it only has the same number."""
    import psutil  # noqa: PLC0415 - a program's start does not wait for it where there is nothing to look at

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= written_s + 1
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
