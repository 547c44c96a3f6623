"""Puts together what is known of a load test: its verdict, its traces, where the time went, what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from groundhog_otel.load.judgement.comparison import compare
from groundhog_otel.load.judgement.verdict import judge
from groundhog_otel.load.links.budget import latency_budget, middle_half
from groundhog_otel.load.links.finding import look_up
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics
from groundhog_otel.store.source import Source

__all__ = ("assemble",)


def assemble(
    result: LoadResult,
    *,
    thresholds: Sequence[Threshold] = (),
    source: Source | None = None,
    baseline: Path | None = None,
    scaling: ScalingMetrics | None = None,
    wait_s: float = 15.0,
) -> Report:
    """Return all that can be said of a result. Waits up to ``wait_s`` seconds for its traces to be stored.

    Raises:
        LoadError: the baseline cannot be read.
    """
    before = None if baseline is None else result_files.read(baseline)
    found = None
    if source is not None and result.slowest:
        found = look_up([*result.slowest, *result.sample], source, wait_s=wait_s)
    budget = None
    if found is not None and found.traces:
        budget = latency_budget(middle_half(result.sample), found.spans, among=result.sample)
    return Report(
        result=result,
        verdict=judge(result, thresholds),
        comparison=None if before is None else compare(before, result),
        baseline="" if baseline is None else baseline.name,
        scaling=scaling,
        budget=budget,
        links=() if found is None else tuple(found.link(request) for request in result.slowest),
    )
