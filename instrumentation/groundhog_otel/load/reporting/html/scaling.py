"""What other concurrencies have given."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.plot import WIDE, Plot
from groundhog_otel.html.scales import linear
from groundhog_otel.html.table import section, table
from groundhog_otel.load.reporting.wording import cores, interval, knee, need
from groundhog_otel.load.scaling.metrics import ScalingMetrics, StepMetrics
from groundhog_otel.report.units import duration, rate, share, size

__all__ = ("scaling_section",)


def scaling_section(scaling: ScalingMetrics) -> Html:
    """Return what the sweep has measured, and the law fitted to it."""
    fit = scaling.fit
    law = [] if fit is None else [
        ("most throughput", knee(fit)),
        ("contention", interval(fit.contention, ".2g")),
        ("coherency", interval(fit.coherency, ".2g")),
    ]  # fmt: skip
    needs = [(need(one), joined(cores(one), tag("small", one.basis))) for one in scaling.needs]
    head = ("At once", "Rate", "p50", "p99", "Errors", "CPU, cores", "Memory", "Disk", "Host's network", "Loop lag p99",
            "Threads", "Waiting", "")  # fmt: skip
    return section(
        "Scaling",
        [tag("p", note) for note in scaling.notes],
        tag("div", _plot(scaling), class_="wide"),
        table(("", ""), [*law, *needs], head=False),
        table(head, map(_step, scaling.steps), right=range(12)),
    )


def _plot(scaling: ScalingMetrics) -> Html:
    """Draw what was measured, the law fitted to it with its band, and where throughput is greatest."""
    fit = scaling.fit
    band = () if fit is None else fit.band
    rates = [*(step.requests_per_s for step in scaling.steps), *(rates.high for _, rates in band)]
    places = [*(step.concurrency for step in scaling.steps), *(concurrency for concurrency, _ in band)]
    plot = Plot(
        title="Throughput by concurrency", x=linear(places, "{:g}".format, most=10, to_data=True),
        y=linear(rates, "{:,g}".format), x_label="requests under way at once", y_label="requests/s",
        width=WIDE, height=330,
    )  # fmt: skip
    if fit is not None and fit.knee is not None:
        plot.region(fit.knee.low, fit.knee.high, "95 % interval of the knee")
        plot.upright(fit.knee.value, f"most throughput at {fit.knee.value:.0f}")
    plot.between(
        [(at, rates.low) for at, rates in band], [(at, rates.high) for at, rates in band], "95 % band", style="fitted"
    )
    plot.line([(at, rates.value) for at, rates in band], "Universal Scalability Law", style="service")
    for kept, name, style in ((True, "measured", "response"), (False, "left out", "slowest")):
        points = [(step.concurrency, step.requests_per_s) for step in scaling.steps if (not step.faults) is kept]
        if points:
            plot.dots(points, name, style=style)
    plot.readable(
        (step.concurrency, f"{step.concurrency} at once: {rate(step.requests_per_s)}, p99 {duration(step.p99_s)}")
        for step in scaling.steps
    )
    return plot.drawn()


def _step(step: StepMetrics) -> tuple[str, ...]:
    use, full = step.use, step.saturation

    def told(value: float | None, unit: Callable[[float], str]) -> str:
        return "-" if value is None else unit(value)

    return (
        f"{step.concurrency:,}", rate(step.requests_per_s), duration(step.p50_s), duration(step.p99_s),
        share(step.error_rate), told(use.cpu_cores, "{:.2f}".format), told(use.memory_bytes, size),
        told(use.disk_bytes_per_s, _per_second), told(use.network_bytes_per_s, _per_second),
        told(full.loop_lag_p99_s, _at_most), told(full.worker_threads_share, share),
        told(full.worker_threads_waiting, "{:,}".format),
        joined(tag("span", "left out", class_="bad"), tag("small", step.faults[0])) if step.faults else "",
    )  # fmt: skip


def _per_second(bytes_: float) -> str:
    return f"{size(bytes_)}/s"


def _at_most(seconds: float) -> str:
    return duration(seconds) if isfinite(seconds) else "off the scale"
