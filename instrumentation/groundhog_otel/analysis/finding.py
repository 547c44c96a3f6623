"""What a detector says: what is slow, why, what to do, and what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ("Evidence", "Finding")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something to look at."""

    says: str
    """One sentence: what is to be seen there."""
    trace_id: str | None = None
    span_id: str | None = None
    """None: the whole trace."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of lost time."""

    detector: str
    """The name of its file: ``n_plus_one``."""
    service: str
    target: str
    """The tool or operation that it is about, as its spans are named; empty for a process as a whole."""
    says: str
    """What is wrong, in one sentence with its figures."""
    advice: str
    """What to do about it, in one sentence."""
    impact_ms: float
    """What an affected operation would gain, in milliseconds of its critical path: the mean."""
    affected: int
    """How many operations of the recording are affected."""
    confidence: float
    """From 0 to 1: how sure it is that this is so."""
    evidence: tuple[Evidence, ...]
    """The clearest first; never empty."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """By name, with the unit at its end (``wait_ms``, ``size_bytes``, ``calls``)."""
    action: str | None = None
    """The action of the optimiser that may mend it."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What that action is to be given: ``{"tool": "render"}``."""

    @property
    def total_ms(self) -> float:
        """Milliseconds lost in the whole recording: what findings are ordered by."""
        return self.impact_ms * self.affected
