"""What a result is seen beside: a baseline, and other concurrencies."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.load.judgement.comparison import Comparison
from groundhog_otel.load.reporting.html.charts import change_bar, scaling_plot
from groundhog_otel.load.reporting.html.table import section, table
from groundhog_otel.load.reporting.wording import cores, interval, knee, need, percent_name, relative
from groundhog_otel.load.scaling.metrics import ScalingMetrics, StepMetrics
from groundhog_otel.report.units import duration, rate, share, size

__all__ = ("comparison_section", "scaling_section")


def comparison_section(comparison: Comparison, baseline: str) -> Html:
    """Return how each operation has changed."""
    every = [change for one in comparison.operations for change in one.changes]
    rows: list[tuple[str, ...]] = []
    for one in comparison.operations:
        style = {"better": "good", "worse": "bad"}.get(one.finding, "muted")
        first: tuple[str, str] = (tag("span", one.finding, class_=style), one.name)
        for change in one.changes:
            rows.append(
                (
                    *first, percent_name(change.percent), duration(change.baseline_s), duration(change.now_s),
                    change_bar(change, every), joined(relative(change), tag("small", change.sentence)),
                )
            )  # fmt: skip
            first = ("", "")
        errors = one.errors
        told = joined(errors.finding, tag("small", one.sentence)) if not one.changes else errors.finding
        rows.append((*first, "errors", share(errors.baseline), share(errors.now), "", told))
    return section(
        f"Beside the baseline {baseline}",
        [tag("p", note) for note in comparison.notes],
        table(("", "Operation", "", "Before", "Now", "Now / before", "Change"), rows, right=(3, 4)),
    )


def scaling_section(scaling: ScalingMetrics) -> Html:
    """Return what the sweep has measured, and the law fitted to it."""
    fit = scaling.fit
    law = [] if fit is None else [
        ("most throughput", knee(fit)),
        ("contention", interval(fit.contention, ".2g")),
        ("coherency", interval(fit.coherency, ".2g")),
    ]  # fmt: skip
    needs = [(need(one), joined(cores(one), tag("small", one.basis))) for one in scaling.needs]
    head = ("At once", "Rate", "p50", "p99", "Errors", "CPU, cores", "Memory", "Loop lag p99", "Threads", "Waiting", "")
    return section(
        "Scaling",
        [tag("p", note) for note in scaling.notes],
        tag("div", scaling_plot(scaling), class_="wide"),
        table(("", ""), [*law, *needs], head=False),
        table(head, map(_step, scaling.steps), right=range(10)),
    )


def _step(step: StepMetrics) -> tuple[str, ...]:
    use, full = step.use, step.saturation

    def told(value: float | None, unit: Callable[[float], str]) -> str:
        return "-" if value is None else unit(value)

    return (
        f"{step.concurrency:,}", rate(step.requests_per_s), duration(step.p50_s), duration(step.p99_s),
        share(step.error_rate), told(use.cpu_cores, "{:.2f}".format), told(use.memory_bytes, size),
        told(full.loop_lag_p99_s, _at_most), told(full.worker_threads_share, share),
        told(full.worker_threads_waiting, "{:,}".format),
        joined(tag("span", "left out", class_="bad"), tag("small", step.faults[0])) if step.faults else "",
    )  # fmt: skip


def _at_most(seconds: float) -> str:
    return duration(seconds) if isfinite(seconds) else "off the scale"
