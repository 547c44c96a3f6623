"""What a report is made of: the result, and whatever else is known of the run."""

from __future__ import annotations

from dataclasses import dataclass

from groundhog_otel.load.judgement.changes import Comparison
from groundhog_otel.load.judgement.verdict import Verdict
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.links.finding import Link
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics

__all__ = ("Report",)


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a load test."""

    result: LoadResult
    verdict: Verdict
    comparison: Comparison | None = None
    baseline: str = ""
    """What the comparison is with: a run id, or a file's name."""
    scaling: ScalingMetrics | None = None
    budget: Budget | None = None
    links: tuple[Link, ...] = ()
