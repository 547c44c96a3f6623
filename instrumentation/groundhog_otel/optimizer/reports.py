"""What has become of the actions that a process was started with: a line of JSON each, in a file that was named."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ("Status", "read", "refusal", "write")


@dataclass(frozen=True, slots=True)
class Status:
    """Of one action in one process."""

    action: str
    """As it is written: ``limiter:tokens=100``."""
    status: Literal["applied", "refused"]
    why: str
    pid: int


def write(file: str, action: str, status: str, why: str) -> None:
    """Add a line, in one piece.

    Raises:
        OSError: it cannot be written.
    """
    line = json.dumps({"action": action, "status": status, "why": why, "pid": os.getpid()}) + "\n"
    number = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(number, line.encode())
    finally:
        os.close(number)


def read(file: Path) -> tuple[Status, ...]:
    """Return the lines that are there by now; none when there is no file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    return tuple(Status(**one) for one in map(_decoded, lines) if one is not None)


def refusal(action: str, statuses: Iterable[Status], *, called: str) -> str | None:
    """Return why an action is not in effect in any process, as a clause; None when it is. ``called``: if none says."""
    own = [one for one in statuses if one.action == action]
    if any(one.status == "applied" for one in own):
        return None
    return own[-1].why if own else called


def _decoded(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and set(found) == set(Status.__slots__) else None
