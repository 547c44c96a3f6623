"""Where the embedded mode keeps what: the only module that makes or takes apart a file's name.

::

    .groundhog/
      .gitignore                              all of it is private to this machine
      2026-11-23T14-05-07.123-1f3a9c02/       one folder per run; names sort by time
        run.json                              what was started, when, how it ended (``groundhog run`` writes it)
        demo-client-4711.traces.jsonl         one file per process and signal, a line per exported batch
        demo-client-4711.metrics.jsonl
        demo-client-4711.earlier.traces.jsonl what came before, when a file has become too large
        demo-client-4711.monitor.jsonl          what the monitor collects, a line each time
        demo-client-4711.cpu.<id>.profile.jsonl one file per profile, cpu or memory
        demo-client-4711.memory.<id>.memray.bin what memray has recorded, before a profile is made of it
        demo-client-4711.leaks.json             what a search for leaks, or a look at the heap, has found
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

__all__ = (
    "MANIFEST",
    "Signal",
    "earlier_file",
    "finding_file",
    "finding_files",
    "is_ours",
    "monitor_file",
    "new_run_id",
    "own_run_id",
    "parts_of",
    "pid_of",
    "prepare",
    "profile_file",
    "profile_files",
    "profile_of_recording",
    "recording_file",
    "recording_files",
    "run_directories",
    "signal_file",
    "signal_files",
)

Signal = Literal["traces", "metrics"]

MANIFEST: Final = "run.json"
_PRIVATE: Final = 0o700
_UNSAFE: Final = re.compile(r"[^\w.-]+")
_PROFILE: Final = ".profile.jsonl"
_RECORDING: Final = ".memray.bin"
_ENDS: Final = (".traces.jsonl", ".metrics.jsonl", _PROFILE, _RECORDING)
"""Of the files in a run's folder."""
_PARTS: Final = re.compile(r"(.+)-(\d+)\.(?:cpu|memory)\.([0-9a-f]+)\.(?:profile\.jsonl|memray\.bin)")
_PID: Final = re.compile(r"-(\d+)\.(?:(?:earlier\.)?(?:traces|metrics)|(?:cpu|memory)\.[0-9a-f]+\.profile)\.jsonl$")


def new_run_id() -> str:
    """Return a name for a run that starts now: UTC to the millisecond, and a suffix against coincidence."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
    return f"{now}-{secrets.token_hex(4)}"


@lru_cache(maxsize=1)
def own_run_id() -> str:
    """Return the run of a process that ``groundhog run`` did not start; forked children share it."""
    return new_run_id()


def prepare(store: Path, run_id: str) -> Path:
    """Make the folder of a run, readable by its owner only, and return it.

    Raises:
        OSError: the folder cannot be made, or not be written to.
    """
    store.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    ignore = store / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    run = store / run_id
    run.mkdir(exist_ok=True, mode=_PRIVATE)
    return run


def signal_file(run: Path, *, service: str, pid: int, signal: Signal) -> Path:
    """Return the file that one process writes one signal to."""
    return run / f"{_safe(service)}-{pid}.{signal}.jsonl"


def signal_files(run: Path, signal: Signal) -> list[Path]:
    """Return a run's files of one signal, by name."""
    return sorted(run.glob(f"*.{signal}.jsonl"))


def earlier_file(file: Path) -> Path:
    """Return where what a signal's file holds goes when it has become too large; it is a signal's file, too."""
    name, signal, suffix = file.name.rsplit(".", 2)
    return file.with_name(f"{name}.earlier.{signal}.{suffix}")


def monitor_file(run: Path, *, service: str, pid: int) -> Path:
    """Return the file that the monitor of one process writes to."""
    return run / f"{_safe(service)}-{pid}.monitor.jsonl"


def profile_file(run: Path, *, service: str, pid: int, kind: Literal["cpu", "memory"], profile_id: str) -> Path:
    """Return the file that one process writes one profile to."""
    return run / f"{_safe(service)}-{pid}.{kind}.{profile_id}{_PROFILE}"


def profile_files(run: Path, *, profile_id: str | None = None) -> list[Path]:
    """Return a run's profiles, by name; only the one with an id."""
    return sorted(file for file in run.glob(f"*{_PROFILE}") if profile_id in (None, file.name.split(".")[-3]))


def recording_file(run: Path, *, service: str, pid: int, profile_id: str) -> Path:
    """Return the file that memray writes in one process."""
    return run / f"{_safe(service)}-{pid}.memory.{profile_id}{_RECORDING}"


def recording_files(run: Path) -> list[Path]:
    """Return what memray has recorded in a run, by name."""
    return sorted(run.glob(f"*{_RECORDING}"))


def finding_file(run: Path, *, service: str, pid: int, kind: Literal["leaks", "heap"]) -> Path:
    """Return the file for what was found out about the memory of one process."""
    return run / f"{_safe(service)}-{pid}.{kind}.json"


def finding_files(run: Path) -> list[Path]:
    """Return what was found out in a run, by name."""
    return sorted([*run.glob("*.leaks.json"), *run.glob("*.heap.json")])


def profile_of_recording(recording: Path) -> Path:
    """Return the file for the profile that is made of what memray has recorded."""
    return recording.with_name(recording.name.removesuffix(_RECORDING) + _PROFILE)


def parts_of(file: Path) -> tuple[str, int, str] | None:
    """Return service, process and id of a profile's file or of memray's, as its name tells; None for others."""
    match = _PARTS.fullmatch(file.name)
    return (match[1], int(match[2]), match[3]) if match else None


def pid_of(file: Path) -> int | None:
    """Return the process that wrote ``file``, as its name tells."""
    match = _PID.search(file.name)
    return int(match[1]) if match else None


def is_ours(file: Path) -> bool:
    """Tell whether the name of a file in a run's folder is one that this module makes."""
    return file.name in (MANIFEST, f"{MANIFEST}.tmp") or parts_of(file) is not None or pid_of(file) is not None


def run_directories(store: Path) -> list[Path]:
    """Return the runs below ``store``, oldest first; ``store`` may also be the folder of a single run.

    Raises:
        OSError: ``store`` cannot be read.
    """
    if _is_run(store):
        return [store]
    return sorted((path for path in store.iterdir() if path.is_dir() and _is_run(path)), key=lambda path: path.name)


def _safe(service: str) -> str:
    return _UNSAFE.sub("_", service)[:100] or "unknown"


def _is_run(path: Path) -> bool:
    # Not any ``*.jsonl``: beside the runs lies the optimiser's ledger.
    return (path / MANIFEST).exists() or any(any(path.glob(f"*{end}")) for end in _ENDS)
