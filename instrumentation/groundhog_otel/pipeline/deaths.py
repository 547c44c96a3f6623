"""How a part of the stack has ended, and what it said last."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline.processes import Running, ended_file, is_alive

__all__ = ("Death", "death_of", "deaths_among", "last_words")

_WRITTEN_WITHIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a process that nobody had asked to end."""

    name: str
    at: datetime | None
    """None when nobody was there to see it: the machine was restarted, or what looked after it was ended too."""
    exit_code: int | None
    signal: str | None
    """The signal that ended it (``SIGKILL``), in place of an exit code."""
    last_words: str
    log: str

    @property
    def how(self) -> str:
        """When, and by what, in words."""
        if self.at is None:
            return "died unseen, perhaps with the machine"
        return f"died at {self.at:%Y-%m-%d %H:%M:%S} ({self.signal or f'exit code {self.exit_code}'})"

    def __str__(self) -> str:
        return f"{self.name} {self.how}: {self.last_words} (its log: {self.log})"


def death_of(running: Running) -> Death:
    """Return how a process that is no longer alive has ended."""
    file = ended_file(Path(running.log))
    deadline = time.monotonic() + _WRITTEN_WITHIN_S
    while not file.exists() and time.monotonic() < deadline:  # it is written a moment after the end
        time.sleep(0.02)
    try:
        code = int(file.read_text("ascii"))
        at = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
    except (OSError, ValueError):
        return Death(running.name, None, None, None, last_words(running), running.log)
    by = _signal_name(code - 128) if code > 128 else None
    return Death(running.name, at, None if by else code, by, last_words(running), running.log)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_words(running: Running) -> str:
    """Return the end of a log, from its error on where there is one, on one line."""
    try:
        lines = Path(running.log).read_text("utf-8", "replace").splitlines()
    except OSError:
        return "it left no log"
    lines = [line.strip() for line in lines if line.strip()]
    # An error may go on over the lines that follow it.
    first = next((number for number, line in enumerate(lines[-8:]) if "error" in line.lower()), -1)
    return " | ".join(line[:250] for line in lines[-8:][first:]) or "it said nothing"


def deaths_among(parts: Iterable[Running]) -> list[Death]:
    """Return how those have ended that are no longer alive."""
    return [death_of(part) for part in parts if not is_alive(part)]
