"""Puts together what is known of a load test: its verdict, its traces, where the time went, what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from groundhog_otel.load.comparison import compare
from groundhog_otel.load.links.budget import latency_budget
from groundhog_otel.load.links.finding import look_up
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.percentiles import estimate
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.result_files import read_result
from groundhog_otel.load.verdict import judge
from groundhog_otel.store.jaeger import Jaeger
from groundhog_otel.store.recorded import Recordings
from groundhog_otel.store.source import Source

__all__ = ("assemble", "source_of")

_AROUND_S = 60.0


def source_of(result: LoadResult, telemetry: Telemetry, jaeger: str) -> Source | None:
    """Return where the traces of a test are: Jaeger at an address, or the files of the run; None without telemetry."""
    if telemetry.mode == "otlp":
        return Jaeger(jaeger)
    if telemetry.mode == "files":
        return Recordings(telemetry.store, result.run_id, since_s=result.started_at_ns / 1e9 - _AROUND_S)
    return None


def assemble(
    result: LoadResult,
    *,
    thresholds: Sequence[Threshold] = (),
    source: Source | None = None,
    baseline: Path | None = None,
    wait_s: float = 15.0,
) -> Report:
    """Return all that can be said of a result. Waits up to ``wait_s`` seconds for its traces to be stored.

    Raises:
        LoadError: the baseline cannot be read.
    """
    before = None if baseline is None else read_result(baseline)
    found = None
    if source is not None and result.slowest:
        found = look_up([*result.slowest, *result.sample], source, wait_s=wait_s)
    budget = None
    if found is not None and found.traces:
        budget = latency_budget(result.sample, found.spans)
    return Report(
        result=result,
        estimate=estimate,
        verdict=judge(result, thresholds),
        comparison=None if before is None else compare(before, result),
        baseline="" if baseline is None else baseline.name,
        budget=budget,
        links=() if found is None else tuple(found.link(request) for request in result.slowest),
    )
