"""Which operations a profiler follows, and which of those it keeps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from groundhog_otel.budgets import budget_for
from groundhog_otel.mcp.operation import Operation

__all__ = ("Targets",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is wanted; by default every operation.

    Raises ``ValueError`` for numbers that are not above zero.
    """

    tools: Collection[str] = ()
    """Names of tools, prompts or methods, as patterns of the shell (``search_*``); all when empty."""
    calls: int | None = None
    """How many operations, counted as they begin; any number when None."""
    over_s: float | Literal["budget"] | None = None
    """Keep only operations that took longer than so many seconds, or than the budget of their class."""

    def __post_init__(self) -> None:
        if isinstance(self.tools, str):
            raise ValueError(f"tools={self.tools!r} is one name; write a list of names: [{self.tools!r}].")
        if self.calls is not None and self.calls < 1:
            raise ValueError(f"calls={self.calls!r} profiles nothing; write 1 or more, or leave it out for any number.")
        if self.over_s is not None and self.over_s != "budget" and not float(self.over_s) > 0:
            raise ValueError(f'over_s={self.over_s!r} is not understood; write seconds above 0, or "budget".')

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.tools and self.calls is None and self.over_s is None

    def want(self, operation: Operation) -> bool:
        """Tell whether an operation that has begun is one of those meant, not regarding how many there were."""
        if not self.tools:
            return True
        name = operation.target if operation.target is not None else operation.method
        return any(fnmatchcase(name, pattern) for pattern in self.tools)

    def keep(self, operation: Operation, duration_s: float) -> bool:
        """Tell whether an operation that has ended, or has lasted so long already, is to be kept."""
        if self.over_s is None:
            return True
        return duration_s > (budget_for(operation.method).limit_s if self.over_s == "budget" else self.over_s)
