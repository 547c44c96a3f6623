"""What has been tried, and what has come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.optimizer.effects import Effect, Errors

__all__ = ("OptimizationResult", "Outcome", "Trial")

Outcome = Literal["kept", "reverted", "refused", "not tried", "control"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One action, and what became of it. Written to the ledger as it is."""

    action: str
    """As it is written: ``limiter:tokens=100``. Several, with ``;`` between them, were tried together."""
    outcome: Outcome
    why: str
    """A clause."""
    risk: str = ""
    finding: str = ""
    """What it was to mend: what the detector says of it."""
    predicted_saving_ms: float | None = None
    """Of the mean latency of all operations, in milliseconds; None where nobody has predicted anything."""
    effects: tuple[Effect, ...] = ()
    errors: Errors | None = None
    blocks: int = 0
    notes: tuple[str, ...] = ()

    def effect(self, measure: str) -> Effect | None:
        """Return the effect on one measure, where it was measured."""
        return next((one for one in self.effects if one.measure == measure), None)

    @property
    def measured_saving_ms(self) -> float | None:
        """Of the mean latency, in milliseconds: what stands beside the prediction."""
        mean = self.effect("mean")
        return None if mean is None else (mean.without - mean.changed) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationResult:
    """What was kept, and what that gains, all of it together beside none of it."""

    resource_savings: Mapping[str, float] = field(default_factory=dict)
    """``cpu_s`` a request and ``memory_bytes``: what is used less; negative where it is more."""
    performance_impact: Mapping[str, Effect] = field(default_factory=dict)
    """``mean``, ``p50``, ``p99`` of the response latency."""
    applied_optimizations: tuple[Trial, ...] = ()
    """Those that are kept."""
    trials: tuple[Trial, ...] = ()
    """Everything that was tried or thought of, in that order."""
    findings: tuple[Finding, ...] = ()
    line: str | None = None
    """The command that starts the server with what is kept; None when nothing helps."""

    @property
    def actions(self) -> str:
        """What is kept, as the environment variable wants it."""
        return ";".join(one.action for one in self.applied_optimizations)
