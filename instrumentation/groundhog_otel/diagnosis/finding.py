"""What a diagnosis is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ("Finding", "fix", "note", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["ok", "note", "fix"]
    """``ok``: as it should be. ``note``: good to know. ``fix``: something to mend."""
    about: str
    """A word for what was looked at: ``mcp``, ``traces``, ``environment``."""
    says: str
    fix: str | None = None
    """What to do about it."""


def ok(about: str, says: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding("ok", about, says)


def note(about: str, says: str, do: str | None = None) -> Finding:
    """Return a finding that is good to know."""
    return Finding("note", about, says, do)


def fix(about: str, says: str, do: str) -> Finding:
    """Return a finding of something to mend, and how."""
    return Finding("fix", about, says, do)
