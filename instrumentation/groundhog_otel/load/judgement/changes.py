"""What has changed between two load tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from groundhog_otel.load.judgement.ranks import RankTest

__all__ = ("Change", "Comparison", "ErrorChange", "Finding", "OperationChange")

Finding = Literal["better", "worse", "no difference", "too little data"]


@dataclass(frozen=True, slots=True)
class Change:
    """How a percentile of the response latency has changed."""

    percent: float
    baseline_s: float
    now_s: float
    low_s: float
    """The interval of the difference, ``now_s - baseline_s``, in seconds."""
    high_s: float
    low: float
    """The same as a share of the baseline."""
    high: float
    finding: Finding
    sentence: str

    @property
    def difference_s(self) -> float:
        """Positive when it takes longer now."""
        return self.now_s - self.baseline_s

    @property
    def relative(self) -> float:
        """As a share of the baseline."""
        return self.difference_s / self.baseline_s if self.baseline_s else 0.0


@dataclass(frozen=True, slots=True)
class ErrorChange:
    """How the share of requests that fail has changed."""

    baseline: float
    now: float
    p: float
    """Of a difference as large by chance (Fisher's exact test, two-sided)."""
    finding: Finding


@dataclass(frozen=True, slots=True)
class OperationChange:
    """One operation, before and now."""

    name: str
    finding: Finding
    sentence: str
    changes: tuple[Change, ...]
    """Of p50 and p99; empty with too little data."""
    errors: ErrorChange
    ranks: RankTest
    chance_slower: tuple[float, float]
    """The interval of ``ranks.chance_slower``, found by drawing slices of the tests: its ``p`` takes requests for
    independent, which they are not."""
    lacking: str = ""
    """Why nothing can be told of its latency; empty where something can."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two tests, operation by operation."""

    operations: tuple[OperationChange, ...]
    notes: tuple[str, ...]
    """In what else the tests differ, a sentence each."""

    @property
    def finding(self) -> Finding:
        """What holds for the whole: the worst of the operations, then what could not be told."""
        found = {one.finding for one in self.operations}
        order: tuple[Finding, ...] = ("worse", "too little data", "better", "no difference")
        return next((finding for finding in order if finding in found), "too little data")

    @property
    def exit_code(self) -> int:
        """3 when an operation is worse, 4 when nothing is but something cannot be told, else 0; as of a verdict."""
        return {"worse": 3, "too little data": 4}.get(self.finding, 0)
