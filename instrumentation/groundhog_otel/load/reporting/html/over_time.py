"""How the test went, from its beginning to its end."""

from __future__ import annotations

from collections.abc import Sequence

from groundhog_otel.html.markup import Html, tag
from groundhog_otel.html.plot import WIDE, Plot
from groundhog_otel.html.scales import Scale, linear, logarithmic, seconds
from groundhog_otel.html.table import section
from groundhog_otel.load.reporting.slices import Slice, slices
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.report.units import duration, rate

__all__ = ("over_time_section",)


def over_time_section(result: LoadResult) -> Html | str:
    """Return rates, latencies and errors by the second, or by as many as a bar stands for."""
    shown = slices(result)
    if not shown:
        return ""
    errors = _errors(shown) if any(one.error_rate for one in shown) else tag("p", "There were no errors.")
    rates = _rates(shown, is_open=result.model == "open")
    return section("Over time", tag("div", rates, _latencies(shown), errors, class_="wide"))


def _rates(shown: Sequence[Slice], *, is_open: bool) -> Html:
    """Draw how many requests were due and how many were answered."""
    x = _time(shown)
    rates = [value for one in shown for value in (one.rate, one.due_rate)]
    plot = _plot("Requests per second", x, linear(rates, lambda value: f"{value:,g}"), "requests/s")
    plot.bars([(*_edges(one), one.rate) for one in shown], "answered", style="achieved")
    if is_open:
        plot.steps([(*_edges(one), one.due_rate) for one in shown], "due", style="due")
    plot.readable(
        (
            one.start_s + one.length_s / 2,
            f"{_when(one)}: {rate(one.rate)} answered" + (f", {rate(one.due_rate)} due" if is_open else ""),
        )
        for one in shown
    )
    return plot.drawn()


def _latencies(shown: Sequence[Slice]) -> Html:
    """Draw the percentiles of the response latency."""
    middle = [(one, one.start_s + one.length_s / 2) for one in shown if one.p50_s is not None]
    y = logarithmic([value for one, _ in middle for value in (one.p50_s or 0, one.max_s or 0)], seconds)
    plot = _plot("Response latency, by when the answer came", _time(shown), y, "latency")
    plot.dots([(at, one.max_s or 0) for one, at in middle], "slowest", style="slowest")
    plot.lines(_pieces(shown, "p99_s"), "p99", style="response")
    plot.lines(_pieces(shown, "p50_s"), "p50", style="service")
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


def _errors(shown: Sequence[Slice]) -> Html:
    """Draw errors per second."""
    y = linear((one.error_rate for one in shown), lambda value: f"{value:,g}", most=3)
    plot = _plot("Errors per second", _time(shown), y, "errors/s", height=190)
    plot.bars([(*_edges(one), one.error_rate) for one in shown], "", style="bad")
    plot.readable((one.start_s + one.length_s / 2, f"{_when(one)}: {rate(one.error_rate)} failed") for one in shown)
    return plot.drawn()


def _plot(title: str, x: Scale, y: Scale, label: str, *, height: float = 230) -> Plot:
    return Plot(title=title, x=x, y=y, x_label="seconds after the warm-up", y_label=label, width=WIDE, height=height)


def _time(shown: Sequence[Slice]) -> Scale:
    return linear((one.start_s + one.length_s for one in shown), lambda value: f"{value:,g}", most=12, to_data=True)


def _pieces(shown: Sequence[Slice], name: str) -> list[list[tuple[float, float]]]:
    """Return the points of a line that is broken where nothing was answered."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for one in shown:
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
