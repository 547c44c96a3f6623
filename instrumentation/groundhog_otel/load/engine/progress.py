"""How far a test is, about twice a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from groundhog_otel.load.engine.tally import Tally

__all__ = ("Progress", "Tick", "combined", "percentiles")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a test is. Rates and percentiles are of the last second."""

    elapsed_s: float
    """From the beginning, the warm-up included."""
    remaining_s: float
    started: int
    """Requests that were sent, those of the warm-up included; likewise below."""
    finished: int
    errors: int
    in_flight: int
    rate_now: float
    """Requests that ended, per second."""
    due_now: float | None
    """Requests that the schedule wants, per second; None in a closed model."""
    p50_s: float | None
    """Of the response latency; None when nothing ended."""
    p99_s: float | None
    connections: int
    workers: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """The progress of one process, and the latencies behind its percentiles."""

    progress: Progress
    recent: Tally = field(default_factory=Tally)


def combined(ticks: Sequence[Tick]) -> Progress:
    """Return the progress of some processes, at least one, together."""
    recent = Tally()
    for tick in ticks:
        recent.include(tick.recent)
    p50_s, p99_s = percentiles(recent)
    parts = [tick.progress for tick in ticks]
    due = [part.due_now for part in parts if part.due_now is not None]
    return Progress(
        elapsed_s=max(part.elapsed_s for part in parts),
        remaining_s=max(part.remaining_s for part in parts),
        started=sum(part.started for part in parts),
        finished=sum(part.finished for part in parts),
        errors=sum(part.errors for part in parts),
        in_flight=sum(part.in_flight for part in parts),
        rate_now=sum(part.rate_now for part in parts),
        due_now=sum(due) if due else None,
        p50_s=p50_s,
        p99_s=p99_s,
        connections=sum(part.connections for part in parts),
        workers=sum(part.workers for part in parts),
        notes=tuple(dict.fromkeys(_notes(parts))),
    )


def percentiles(recent: Tally) -> tuple[float | None, float | None]:
    """Return p50 and p99 in seconds; None when there is nothing."""
    if not recent:
        return None, None
    p50_s, p99_s = recent.percentiles_s(50, 99)
    return p50_s, p99_s


def _notes(parts: Iterable[Progress]) -> Iterable[str]:
    return (note for part in parts for note in part.notes)
