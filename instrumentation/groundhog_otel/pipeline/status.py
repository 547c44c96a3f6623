"""How a part of the stack is."""

from __future__ import annotations

from dataclasses import dataclass

from groundhog_otel.pipeline.deaths import Death, death_of
from groundhog_otel.pipeline.ports import answers
from groundhog_otel.pipeline.processes import Running, is_alive

__all__ = ("PartStatus", "status_of")


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of the stack as it is now."""

    name: str
    pid: int | None
    healthy: bool
    address: str
    log: str
    died: Death | None = None
    """How it ended, when nobody had asked it to."""


def status_of(name: str, known: Running | None, address: str) -> PartStatus:
    """Return how a part is; ``address`` is where it would be, had it been started."""
    if known is None:
        return PartStatus(name, None, False, address, "")
    if is_alive(known):
        return PartStatus(name, known.pid, answers(known.health), known.address, known.log)
    return PartStatus(name, None, False, known.address, known.log, death_of(known))
