"""How long each operation took: a table to sort, and the distributions of those that are nearest to their budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from groundhog_otel.analysis.distribution import Class
from groundhog_otel.analysis.operations import Operation
from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.plot import Plot
from groundhog_otel.html.scales import Scale, linear, logarithmic, seconds
from groundhog_otel.report.content import Report
from groundhog_otel.report.html.head import badge
from groundhog_otel.report.units import amount, duration, share

__all__ = ("latency_section",)

_MOST_CHARTS: Final = 6
_WIDE: Final = 180.0
_HIGH: Final = 26.0
_HEAD: Final = (
    ("", "text"), ("Operation", "text"), ("Service", "text"), ("Calls", "n"), ("Errors", "n"), ("p50", "n"),
    ("p90", "n"), ("p99", "n"), ("max", "n"), ("Budget", "n"), ("Distribution", ""),
)  # fmt: skip


def latency_section(report: Report) -> Html:
    """Return the latencies of all operations."""
    operations = report.summary.operations
    if not operations:
        others = amount(report.summary.other_spans, "other span")
        return tag("p", f"No MCP operation was recorded ({others}). Was the program used?")
    scale = _scale(report)
    drawn = sorted(operations, key=lambda one: -one.load)[:_MOST_CHARTS]
    names = [_heading(name, kind) for name, kind in _HEAD]
    rows = [_row(number, one, report.spread_of(one), scale) for number, one in enumerate(operations)]
    ends = f"{duration(scale.low)} to {duration(scale.high)}, by equal ratios; the line is the budget"
    rest = len(operations) - len(drawn)
    return joined(
        tag("div", tag("table", tag("thead", tag("tr", names)), tag("tbody", rows), class_="sortable latency"),
            class_="scroll"),
        tag("p", f"Distributions from {ends}. An operation's name leads to its calls.", class_="muted"),
        tag("div", [_chart(one, report.spread_of(one), scale) for one in drawn], class_="charts"),
        tag("p", f"Drawn: the {len(drawn)} nearest to their budget, or beyond it.", class_="muted") if rest else "",
    )  # fmt: skip


def _heading(name: str, kind: str) -> Html:
    if not kind:
        return tag("th", name, scope="col")
    return tag("th", tag("button", name or "Verdict", type="button"), scope="col", class_=kind)


def _row(number: int, one: Operation, spread: Sequence[Class], scale: Scale) -> Html:
    latency, errors = one.latency, one.error_count
    failed = tag("small", f" {share(errors / latency.count)}") if errors else ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in one.errors)
    values = (latency.p50_s, latency.p90_s, latency.p99_s, latency.max_s)
    return tag(
        "tr",
        tag("td", badge("met" if one.met else "over"), data_value=f"{one.load:.6g}"),
        tag("th", tag("a", one.name, href=f"#operation={number}"), scope="row", class_="name"),
        tag("td", one.service, tag("small", f" {one.side}"), class_="service", data_value=f"{one.service} {one.side}"),
        tag("td", f"{latency.count:,}", class_="n", data_value=str(latency.count)),
        tag("td", f"{errors:,}", failed, title=kinds or None, class_="n bad" if errors else "n",
            data_value=str(errors)),
        [tag("td", duration(value), class_="n", data_value=f"{value:.9g}") for value in values],
        tag("td", duration(one.budget.limit_s), class_="n", data_value=str(one.budget.limit_s)),
        tag("td", _strip(one, spread, scale)),
    )  # fmt: skip


def _strip(one: Operation, spread: Sequence[Class], scale: Scale) -> Html:
    """Draw a distribution as small as a row is."""
    most = max((each.count for each in spread), default=1)
    limit = scale.at(one.budget.limit_s) * _WIDE
    bars = [
        tag("rect", x=left, y=_HIGH - height, width=max(scale.at(each.high_s) * _WIDE - left - 0.5, 1), height=height,
            class_=f"bar {'over' if each.low_s >= one.budget.limit_s * 0.999 else 'met'}")
        for each in spread if each.count
        for left, height in [(scale.at(each.low_s) * _WIDE, max((each.count / most) ** 0.5 * (_HIGH - 4), 1.5))]
    ]  # fmt: skip
    return tag(
        "svg",
        bars,
        tag("path", d=f"M0,{_HIGH:.0f}H{_WIDE:.0f}", class_="grid"),
        tag("path", d=f"M{limit:.1f},0V{_HIGH:.0f}", class_="limit"),
        viewbox=f"0 0 {_WIDE:.0f} {_HIGH:.0f}",
        class_="inline",
        aria_hidden="true",
    )


def _chart(one: Operation, spread: Sequence[Class], scale: Scale) -> Html:
    latency = one.latency
    plot = Plot(
        title=f"{one.name}, {one.service} ({one.side})", x=scale,
        y=linear((each.count for each in spread), lambda value: f"{value:,g}", most=3, whole=True),
        x_label="latency", y_label="calls", width=400, height=246, top=80,
    )  # fmt: skip
    over = one.budget.limit_s * 0.999
    for style, name in (("met", "within the budget"), ("over", "beyond it")):
        shown = [each for each in spread if (each.low_s >= over) == (style == "over")]
        plot.bars([(each.low_s, each.high_s, each.count) for each in shown], name if shown else "", style=style)
    measures = {"p50": latency.p50_s, "p90": latency.p90_s, "p99": latency.p99_s, "max": latency.max_s}
    plot.flags([(value, f"{name} {duration(value)}") for name, value in measures.items()])
    limit_s = one.budget.limit_s
    plot.bound(limit_s, f"budget {duration(limit_s)}", late=latency.p50_s > limit_s)
    plot.readable(((each.low_s * each.high_s) ** 0.5, _reading(each)) for each in spread)
    return plot.drawn()


def _reading(one: Class) -> str:
    return f"{duration(one.low_s)} to {duration(one.high_s)}: {amount(one.count, 'call')}"


def _scale(report: Report) -> Scale:
    """Return one axis for all operations, so that they can be compared."""
    ends = [end for spread in report.spread.values() for each in spread for end in (each.low_s, each.high_s)]
    return logarithmic([*ends, *(one.budget.limit_s for one in report.summary.operations)], seconds)
