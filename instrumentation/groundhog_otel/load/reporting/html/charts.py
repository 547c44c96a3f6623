"""The charts of a load test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from groundhog_otel.html.markup import Html, number, tag
from groundhog_otel.load.judgement.comparison import Change
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.reporting.figures import OperationFigures, Slice, curve
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.plot import Plot
from groundhog_otel.load.reporting.html.scales import Scale, linear, logarithmic, nines
from groundhog_otel.load.reporting.wording import bound, percent_name
from groundhog_otel.load.results.result import OperationResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics
from groundhog_otel.report.units import duration, rate, share

__all__ = (
    "budget_bar",
    "change_bar",
    "distribution",
    "errors_over_time",
    "latency_over_time",
    "rate_over_time",
    "scaling_plot",
    "wait_bar",
)

_WIDE: Final = 1060.0


def distribution(one: OperationFigures, result: OperationResult, report: Report) -> Html:
    """Draw the percentiles of one operation; what lies between response and service is waiting."""
    response, service = curve(result.response), curve(result.service)
    limits = [
        check.threshold
        for check in report.verdict.checks
        if check.operation == one.name and check.threshold.measure not in ("error_rate", "rate")
    ]
    x = nines(one.count)
    values = [value for _, value in (*response, *service)]
    plot = Plot(
        title=one.name, x=x, y=logarithmic([*values, *(limit.value for limit in limits)], _seconds),
        x_label="percentile of requests", y_label="latency",
    )  # fmt: skip
    known = [each for each in one.response if each.value_s is not None]
    last = known[-1].percent if known else 0.0
    plot.between(_held(service, x), _held(response, x), "waiting", style="waiting")
    plot.line(_held(response, x), "response", style="response")
    plot.line(_held(service, x), "service", style="service")
    shown = [(each.percent, each.low_s, each.high_s) for each in known if each.percent != 95]
    if shown:
        plot.intervals(shown, "95 % interval", style="response")
    plot.region(last, x.high, f"too few requests beyond {percent_name(last)}" if known else "too few requests")
    for limit in limits:
        plot.limit(limit.value, bound(limit))
    plot.readable((percent, _reading(percent, value, service)) for percent, value in response)
    return plot.drawn()


def rate_over_time(slices: Sequence[Slice], *, is_open: bool) -> Html:
    """Draw how many requests were due and how many were answered."""
    x = _time(slices)
    rates = [value for one in slices for value in (one.rate, one.due_rate)]
    plot = _over_time("Requests per second", x, linear(rates, lambda value: f"{value:,g}"), "requests/s")
    plot.bars([(*_edges(one), one.rate) for one in slices], "answered", style="achieved")
    if is_open:
        plot.steps([(*_edges(one), one.due_rate) for one in slices], "due", style="due")
    plot.readable(
        (
            one.start_s + one.length_s / 2,
            f"{_when(one)}: {rate(one.rate)} answered" + (f", {rate(one.due_rate)} due" if is_open else ""),
        )
        for one in slices
    )
    return plot.drawn()


def latency_over_time(slices: Sequence[Slice]) -> Html:
    """Draw the percentiles of the response latency."""
    middle = [(one, one.start_s + one.length_s / 2) for one in slices if one.p50_s is not None]
    y = logarithmic([value for one, _ in middle for value in (one.p50_s or 0, one.max_s or 0)], _seconds)
    plot = _over_time("Response latency, by when the answer came", _time(slices), y, "latency")
    plot.dots([(at, one.max_s or 0) for one, at in middle], "slowest", style="slowest")
    plot.lines(_pieces(slices, "p99_s"), "p99", style="response")
    plot.lines(_pieces(slices, "p50_s"), "p50", style="service")
    plot.readable(
        (
            at,
            (
                f"{_when(one)}: p50 {duration(one.p50_s or 0)}, p99 {duration(one.p99_s or 0)}, "
                f"slowest {duration(one.max_s or 0)}, of {one.count:,}"
            ),
        )
        for one, at in middle
    )
    return plot.drawn()


def errors_over_time(slices: Sequence[Slice]) -> Html:
    """Draw errors per second."""
    y = linear((one.error_rate for one in slices), lambda value: f"{value:,g}", most=3)
    plot = _over_time("Errors per second", _time(slices), y, "errors/s", height=190)
    plot.bars([(*_edges(one), one.error_rate) for one in slices], "", style="bad")
    plot.readable((one.start_s + one.length_s / 2, f"{_when(one)}: {rate(one.error_rate)} failed") for one in slices)
    return plot.drawn()


def budget_bar(budget: Budget) -> Html:
    """Draw the parts of the latency in one bar. The table below it has the same colours."""
    whole = sum(part.share for part in budget.parts) or 1.0
    drawn: list[Html] = []
    left = 0.0
    for index, part in enumerate(budget.parts):
        width = part.share / whole * _WIDE
        drawn.append(
            tag(
                "rect", tag("title", f"{part.name}: {duration(part.seconds)}, {share(part.share)}"),
                x=left, y=0, width=max(width - 2, 0.5), height=44, class_=f"part part-{index % 8}",
            )
        )  # fmt: skip
        text = share(part.share)
        if width > 12 * len(text):
            drawn.append(tag("text", text, x=left + width / 2 - 1, y=27, text_anchor="middle", class_="part-text"))
        left += width
    name = "Parts of the latency: " + ", ".join(f"{part.name} {share(part.share)}" for part in budget.parts)
    return tag("svg", drawn, viewbox=f"0 0 {_WIDE:.0f} 44", role="img", aria_label=name, class_="budget")


def scaling_plot(scaling: ScalingMetrics) -> Html:
    """Draw what was measured, the law fitted to it with its band, and where throughput is greatest."""
    fit = scaling.fit
    band = () if fit is None else fit.band
    rates = [*(step.requests_per_s for step in scaling.steps), *(rates.high for _, rates in band)]
    places = [*(step.concurrency for step in scaling.steps), *(concurrency for concurrency, _ in band)]
    plot = Plot(
        title="Throughput by concurrency", x=linear(places, "{:g}".format, most=10, to_data=True),
        y=linear(rates, "{:,g}".format), x_label="requests under way at once", y_label="requests/s",
        width=_WIDE, height=330,
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


def change_bar(change: Change, changes: Iterable[Change]) -> Html:
    """Draw the interval of a change on the axis that all changes share; the line is no change."""
    ends = [1 + end for one in changes for end in (one.low, one.high) if end > -1]
    reach = max(2.0, *(max(end, 1 / end) for end in ends)) if ends else 2.0
    x = logarithmic((1 / reach, reach), str)

    def across(ratio: float) -> str:
        return number(6 + x.at(ratio) * 168)

    return tag(
        "svg",
        tag("path", d=f"M{across(1)},1V21", class_="axis"),
        tag("path", d=f"M{across(1 + change.low)},11H{across(1 + change.high)}", class_=f"whisker {change.finding}"),
        tag("circle", cx=across(change.now_s / change.baseline_s), cy=11, r=4, class_=f"dot {change.finding}")
        if change.baseline_s else "",
        viewbox="0 0 180 22", class_="inline", aria_hidden="true",
    )  # fmt: skip


def wait_bar(waited_s: float, service_s: float, longest_s: float) -> Html:
    """Draw how much of a request was waiting."""
    scale = 180 / longest_s if longest_s > 0 else 0.0
    return tag(
        "svg",
        tag("rect", x=0, y=4, width=waited_s * scale, height=14, class_="block response"),
        tag("rect", x=waited_s * scale, y=4, width=max(service_s * scale, 1), height=14, class_="block service"),
        viewbox="0 0 180 22", class_="inline", aria_hidden="true",
    )  # fmt: skip


def _over_time(title: str, x: Scale, y: Scale, label: str, *, height: float = 230) -> Plot:
    return Plot(title=title, x=x, y=y, x_label="seconds after the warm-up", y_label=label, width=_WIDE, height=height)


def _time(slices: Sequence[Slice]) -> Scale:
    return linear((one.start_s + one.length_s for one in slices), lambda value: f"{value:,g}", most=12, to_data=True)


def _pieces(slices: Sequence[Slice], name: str) -> list[list[tuple[float, float]]]:
    """Return the points of a line that is broken where nothing was answered."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for one in slices:
        value = getattr(one, name)
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((one.start_s + one.length_s / 2, value))
    return pieces


def _edges(one: Slice) -> tuple[float, float]:
    return one.start_s, one.start_s + one.length_s


def _when(one: Slice) -> str:
    return f"{one.start_s:.1f} to {one.start_s + one.length_s:.1f} s"


def _seconds(value: float) -> str:
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def _held(points: Sequence[tuple[float, float]], x: Scale) -> list[tuple[float, float]]:
    """Begin and end a curve where the axis does."""
    return [(x.low, points[0][1]), *points, (x.high, points[-1][1])] if points else []


def _reading(percent: float, value_s: float, service: Sequence[tuple[float, float]]) -> str:
    own = min(service, key=lambda point: abs(point[0] - percent))[1]
    for (lower, low_s), (upper, high_s) in pairwise(service):
        if lower <= percent <= upper:
            own = high_s if percent > lower else low_s
            break
    return f"{percent:.5g} % took at most: response {duration(value_s)}, service {duration(own)}"
