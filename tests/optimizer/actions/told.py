"""An action that is applied for as long as a test wants, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from groundhog_otel.optimizer.actions import Action

Told = list[tuple[str, str]]


@contextmanager
def applied(action: Action) -> Iterator[Told]:
    said: Told = []
    action.told = lambda status, why: said.append((status, why))
    action.apply()
    try:
        yield said
    finally:
        action.revert()
