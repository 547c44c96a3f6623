"""What changed in the course of the run, a chart for each quantity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from groundhog_otel.analysis.trends import Line, Trend, thinned
from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.plot import Plot
from groundhog_otel.html.scales import Scale, linear
from groundhog_otel.report.content import Report
from groundhog_otel.report.wording import amount_of
from groundhog_otel.store.model import Point

__all__ = ("over_time_section",)

_MOST_LINES: Final = 6
_HUES: Final = 6
"""Colours with a pattern each: a process has the same in every chart."""
_NEAR: Final = 0.1
"""A limit is drawn when a line comes as near as to this share of it: else all lines would lie on the axis."""


class _Unit(NamedTuple):
    """What time is told in, of runs that are longer than ``least_s``."""

    name: str
    per_s: float
    least_s: float


_UNITS: Final = (_Unit("hours", 3600, 2 * 3600), _Unit("minutes", 60, 2 * 60), _Unit("seconds", 1, 0))


class _Clock(NamedTuple):
    """When the axis of time begins, and how long it is in its unit."""

    start_ns: int
    longest: float
    unit: _Unit

    def at(self, point: Point) -> float:
        return (point.time_ns - self.start_ns) / 1e9 / self.unit.per_s


def over_time_section(report: Report) -> Html:
    """Return the trends for which something was recorded."""
    if not report.trends:
        return tag("p", "No metric was recorded.")
    longest = max(
        (line.points[-1].time_ns - report.start_ns) / 1e9 for trend in report.trends for line in trend.lines
    )  # fmt: skip
    time = next((each for each in _UNITS if longest > each.least_s), _UNITS[-1])
    clock = _Clock(report.start_ns, longest / time.per_s, time)
    names = list(dict.fromkeys(line.name for trend in report.trends for line in trend.lines))
    hues = {name: f"hue-{number % _HUES}" for number, name in enumerate(names)}
    moved = [one for one in report.trends if _most(one.lines) > 0]
    still = [one.title for one in report.trends if one not in moved]
    charts = [_chart(one, clock, hues) for one in moved]
    return joined(
        tag("div", charts, class_="charts"),
        tag("p", f"Zero all the time: {'; '.join(still)}.", class_="muted") if still else "",
        tag("p", "Where a line is a percentile, it is the upper end of the bucket of its histogram.", class_="muted")
        if any("at most" in one.title for one in report.trends)
        else "",
    )


def _chart(trend: Trend, clock: _Clock, hues: Mapping[str, str]) -> Html:
    lines = sorted(trend.lines, key=lambda one: -_most([one]))[:_MOST_LINES]
    most = _most(lines)
    near = trend.limit is not None and most >= trend.limit * _NEAR
    values = [most, *([trend.limit] if near and trend.limit is not None else [])]
    plot = Plot(
        title=trend.title, x=linear([clock.longest], lambda value: f"{value:,g}", to_data=True),
        y=_scale(values, trend.unit), x_label=clock.unit.name, y_label="", width=520, height=220, top=14,
    )  # fmt: skip
    for line in lines:
        points = [(clock.at(point), point.value) for point in thinned(line.points)]
        draw = plot.line if len(points) > 1 else plot.dots
        draw(points, line.name, style=hues[line.name])
    if near and trend.limit is not None:
        plot.limit(trend.limit, f"budget {amount_of(trend.unit, trend.limit)}")
    plot.readable(_readings(lines, trend.unit, clock))
    return tag("div", plot.drawn(), _note(trend, near=near))


def _scale(values: Sequence[float], unit: str) -> Scale:
    whole = unit == "count"
    return linear(values, lambda value: amount_of(unit, value) if value else "0", most=4, whole=whole)


def _most(lines: Iterable[Line]) -> float:
    return max(point.value for line in lines for point in line.points)


def _note(trend: Trend, *, near: bool) -> str:
    said = []
    if trend.limit is not None and not near:
        said.append(f"The budget is {amount_of(trend.unit, trend.limit)}: far above.")
    if len(trend.lines) > _MOST_LINES:
        said.append(f"Not drawn: {len(trend.lines) - _MOST_LINES} with less.")
    return tag("p", " ".join(said), class_="muted") if said else ""


def _readings(lines: Sequence[Line], unit: str, clock: _Clock) -> list[tuple[float, str]]:
    """Say at each time of the first line what all lines have then."""
    found = []
    for point in thinned(lines[0].points):
        said = ", ".join(f"{line.name} {amount_of(unit, _at(line.points, point.time_ns))}" for line in lines)
        found.append((clock.at(point), f"after {clock.at(point):.3g} {clock.unit.name}: {said}"))
    return found


def _at(points: Sequence[Point], time_ns: int) -> float:
    """Return the latest value at a time; before the first, the first."""
    low, high = 0, len(points)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if points[middle].time_ns <= time_ns else (low, middle)
    return points[max(low - 1, 0)].value
