"""How a result has changed against a baseline."""

from __future__ import annotations

from collections.abc import Iterable

from groundhog_otel.load.judgement.changes import Change, Comparison
from groundhog_otel.load.reporting.html.markup import Html, joined, number, tag
from groundhog_otel.load.reporting.html.scales import logarithmic
from groundhog_otel.load.reporting.html.table import section, table
from groundhog_otel.load.reporting.wording import percent_name, relative
from groundhog_otel.report.units import duration, share

__all__ = ("comparison_section",)


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
                    _bar(change, every), joined(relative(change), tag("small", change.sentence)),
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


def _bar(change: Change, changes: Iterable[Change]) -> Html:
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
