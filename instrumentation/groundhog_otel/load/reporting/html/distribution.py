"""The percentiles of one operation, as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from groundhog_otel.html.markup import Html
from groundhog_otel.html.plot import Plot
from groundhog_otel.html.scales import Scale, logarithmic, nines, seconds
from groundhog_otel.load.reporting.figures import OperationFigures, curve
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.wording import bound, percent_name
from groundhog_otel.load.results.result import OperationResult
from groundhog_otel.report.units import duration

__all__ = ("distribution",)


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
        title=one.name, x=x, y=logarithmic([*values, *(limit.value for limit in limits)], seconds),
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
