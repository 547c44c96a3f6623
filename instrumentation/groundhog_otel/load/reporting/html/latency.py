"""Both latencies of each operation: a table, and a chart each of those with the most requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.table import row, section
from groundhog_otel.load.reporting.figures import Figures, OperationFigures, Percentile
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.distribution import distribution
from groundhog_otel.load.reporting.wording import percent_name
from groundhog_otel.report.units import amount, between, duration, rate, share

__all__ = ("latency_section",)

_MOST_CHARTS: Final = 8


def latency_section(report: Report, numbers: Figures) -> Html:
    """Return the percentiles of every operation."""
    if not numbers.operations:
        return section("Latency", tag("p", "No request was answered after the warm-up."))
    percents = [percent_name(one.percent) for one in numbers.operations[0].response]
    own = {one.name: one for one in report.result.operations}
    drawn = [one for one in numbers.operations if one.count][:_MOST_CHARTS]
    more = len(numbers.operations) - len(drawn)
    return section(
        "Latency",
        tag(
            "p", "Response is from the moment a request was due, service from the moment it was sent. Small below a ",
            "value: the interval that holds the true one in 95 of 100 tests.", class_="muted",
        ),
        tag(
            "div",
            tag(
                "table",
                tag("thead", row("th", ("", *percents, "max"), range(1, 9))),
                tag("tbody", *map(_latency_rows, numbers.operations)),
            ),
            class_="scroll",
        ),
        tag("div", [distribution(one, own[one.name], report) for one in drawn], class_="charts"),
        tag("p", f"{amount(more, 'operation')} with fewer requests not drawn.", class_="muted") if more else "",
    )  # fmt: skip


def _latency_rows(one: OperationFigures) -> Iterable[Html]:
    errors = f"{amount(one.errors, 'error')} ({share(one.error_share)})" if one.errors else "no errors"
    told = joined(
        tag("strong", one.name), f" {amount(one.count, 'request')}, {rate(one.rate)}, ",
        tag("span", errors, class_="bad" if one.errors else None),
    )  # fmt: skip
    yield tag("tr", tag("td", told, colspan=len(one.response) + 2, class_="text"), class_="group")
    for name, percentiles, most_s in (
        ("response", one.response, one.response_max_s), ("service", one.service, one.service_max_s),
    ):  # fmt: skip
        yield row("td", (name, *map(_percentile, percentiles), duration(most_s)), range(1, 9))


def _percentile(one: Percentile) -> Html:
    if one.value_s is None:
        return joined(tag("span", "too few", class_="muted"), tag("small", f"needs {one.needed:,}"))
    return joined(duration(one.value_s), tag("small", between(one.low_s, one.high_s)))
