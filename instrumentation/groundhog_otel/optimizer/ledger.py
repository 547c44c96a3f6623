"""The ledger: everything that was ever tried here, kept or not, a line of JSON each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from groundhog_otel.load.results.machine import machine_facts
from groundhog_otel.optimizer.result import Trial
from groundhog_otel.report.optimizations import LEDGER

__all__ = ("Entry", "history", "note")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    time: str
    """ISO 8601, UTC."""
    command: tuple[str, ...]
    trial: Mapping[str, Any]
    """A :class:`~groundhog_otel.optimizer.result.Trial`, as JSON."""


def note(store: Path, command: Sequence[str], trial: Trial, *, load: Mapping[str, Any]) -> None:
    """Add a trial.

    Raises:
        OSError: it cannot be written.
    """
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = json.dumps(
        {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": list(command),
            "trial": asdict(trial),
            "load": load,
            "machine": machine_facts(),
        }
    )
    number = os.open(store / LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(number, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def history(store: Path) -> tuple[Entry, ...]:
    """Return what was tried, the oldest first; lines that were cut off are left out, and there may be no ledger yet.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        lines = (store / LEDGER).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(entry for entry in map(_entry, lines) if entry is not None)


def _entry(line: str) -> Entry | None:
    try:
        found = json.loads(line)
        return Entry(str(found["time"]), tuple(map(str, found["command"])), dict(found["trial"]))
    except (KeyError, TypeError, ValueError):
        return None
