"""How a load test is going."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ("Progress",)


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a test, some twice a second."""

    elapsed_s: float
    """From the first moment of the warm-up."""
    remaining_s: float
    started: int
    """Requests, the warm-up's included, as in the next three."""
    finished: int
    errors: int
    in_flight: int
    rate_now: float
    """Requests finished per second since the last moment."""
    due_now: float | None
    """Rounds that were due per second since then; None in a closed model."""
    p50_s: float | None
    """Of the response latency since then; None when nothing was finished."""
    p99_s: float | None
    connections: int
    workers: int = 1
    notes: tuple[str, ...] = ()
    """What a person should know: a lost connection, a generator that is too busy."""
