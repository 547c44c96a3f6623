"""Traces by their ids, wherever they are stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from groundhog_otel.store.model import Trace

__all__ = ("Source", "Stored")


@dataclass(frozen=True, slots=True)
class Stored:
    """A trace, and where to look at it."""

    trace: Trace
    where: str
    """A page's address, or the path of a file."""


class Source(Protocol):
    """A place where traces are stored."""

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        ...

    def look(self, trace_ids: Collection[str]) -> Mapping[str, Stored]:
        """Return those of the traces that are there by now, with the spans that are there by now.

        Raises:
            StoreError: it cannot be asked. The message is one sentence.
        """
        ...

    def command(self, trace_id: str) -> str | None:
        """Return what to type to see a trace; None where it has a page."""
        ...
