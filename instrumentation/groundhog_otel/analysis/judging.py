"""What all detectors go by: what is worth a word, and how sure they are by the amount of data."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from groundhog_otel.budgets import COMMAND, budget_for

__all__ = ("LEAST_MS", "is_command", "sure")

LEAST_MS: Final = COMMAND.limit_s * 1000 / 10
"""What an operation has to gain for a finding: a tenth of a command's budget. Below, a change is not worth its risk."""


def sure(count: int, *, half: float) -> float:
    """Return a confidence from 0 to 1 that grows with the number of times a thing was seen: 0.5 at ``half`` of them."""
    return count / (count + half)


@lru_cache(maxsize=256)
def is_command(method: str) -> bool:
    """Tell whether somebody who sent this MCP method waits for what it does: a tool call, a prompt, a resource."""
    return budget_for(method) is COMMAND
