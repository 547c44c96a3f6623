"""What an action is: a change that can be made to a running program, and undone exactly."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from groundhog_otel.settings.actions import Wanted

__all__ = ("Action", "ActionError", "Measure", "Refused", "Risk", "number", "text", "whole")

Risk = Literal["low", "medium", "high"]
"""``low``: answers stay the same. ``medium``: they do unless the tool relies on what the action changes. ``high``: an
answer may be another than it would have been."""
Measure = Literal["p50", "p99", "cpu"]


class ActionError(Exception):
    """There is no such action, or not with such parameters. One clear sentence."""


class Refused(Exception):  # noqa: N818 - it is no error: an action that cannot do its work says so
    """An action cannot be applied here. One clause that says why."""


class Action(ABC):
    """A change that may make a server faster.

    Attributes of the class say what is known of it beforehand. ``apply`` may come before the program is imported, so it
    may arrange for the change to be made once there is something to change; ``told`` then hears of it.
    """

    name: ClassVar[str]
    does: ClassVar[str]
    """What it changes, as the end of a sentence that begins with the parameters."""
    risk: ClassVar[Risk]
    promises: ClassVar[tuple[Measure, ...]]
    """What it is to improve: one of these, or it is not kept."""
    options: ClassVar[Mapping[str, Callable[[str], Any]]] = {}
    """What it may be given, and how that is read; a field of the same name has the default."""
    required: ClassVar[tuple[str, ...]] = ()
    opt_in: ClassVar[bool] = False
    """Whether it is tried only when a user names it, and not for a finding alone."""
    exports: ClassVar[bool] = False
    """Whether it shows only where telemetry is exported."""
    unseen: ClassVar[str] = "it has found nothing to change"
    """Why it is not in effect, when nothing was heard of it while the server was under load."""
    unproven: ClassVar[str | None] = None
    """Why no load test can show what it gains; None when one can."""

    def __init__(self, **given: Any) -> None:
        self.told: Callable[[str, str], None] = lambda _status, _why: None
        """Is called with ``applied`` or ``refused`` and a clause that says more, once that is known."""
        self.given = given
        for name, value in given.items():
            setattr(self, name, value)

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Action:
        """Return the action with these parameters.

        Raises:
            ActionError: one is not known, is missing, or has a value that is not understood.
        """
        given = {}
        for name, value in parameters.items():
            if name not in cls.options:
                takes = f"takes {', '.join(cls.options)}" if cls.options else "takes no parameters"
                raise ActionError(f"the action {cls.name} has no parameter {name}: it {takes}")
            try:
                given[name] = cls.options[name](value)
            except ValueError as error:
                raise ActionError(f"{cls.name}:{name}={value} is not understood: write {error}") from None
        for name in cls.required:
            if name not in given:
                raise ActionError(f"the action {cls.name} needs {name}: write {cls.name}:{name}=...")
        return cls(**given)

    @property
    def wanted(self) -> Wanted:
        """The action as it is written."""
        return Wanted(self.name, {name: f"{value}" for name, value in self.given.items()})

    def precondition(self) -> str | None:
        """Return why it cannot be applied to this process, as a clause; None when it can, as far as is known yet."""
        return None

    @abstractmethod
    def apply(self) -> None:
        """Make the change, or arrange for it.

        Raises:
            Refused: it cannot be made here.
        """

    @abstractmethod
    def revert(self) -> None:
        """Undo all of it: every object that was replaced is the original again. Harmless when nothing was applied."""

    @classmethod
    def predicted_saving_ms(cls, impact_ms: float, affected: int, operations: int) -> float:
        """Return what it is to save of the mean latency of all operations, in milliseconds.

        ``impact_ms`` is what each of ``affected`` operations lost, of so many that there were.
        """
        return impact_ms * affected / operations if operations else 0.0


def whole(least: int = 1, most: float = math.inf) -> Callable[[str], int]:
    """Return what reads a whole number within bounds."""

    def read(words: str) -> int:
        if not words.isascii() or not words.isdigit() or not least <= int(words) <= most:
            raise ValueError(f"a whole number from {least} {'up' if most == math.inf else f'to {most:,.0f}'}")
        return int(words)

    return read


def number(words: str) -> float:
    """Return a number above 0.

    Raises:
        ValueError: it is none.
    """
    try:
        found = float(words)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise ValueError("a number above 0")
    return found


def text(words: str) -> str:
    """Return the words as they are."""
    return words
