"""What the checker says about telemetry that does not conform."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ("Violation",)


@dataclass(frozen=True, slots=True)
class Violation:
    """One departure of one span or metric from one rule."""

    where: str
    """The span or metric: ``SERVER span 'tools/call add'``."""
    about: str
    """An attribute's name, or what else the rule is about: ``name``, ``kind``, ``status``, ``parent``, ``link``,
    ``unit``, ``instrument``, ``boundaries``, ``metric``."""
    problem: str
    rule: str
    """What the conventions say, in short."""
    fix: str
    """What to change."""

    def __str__(self) -> str:
        return f"{self.where}: {self.about}: {self.problem}\n    rule: {self.rule}\n    fix: {self.fix}"
