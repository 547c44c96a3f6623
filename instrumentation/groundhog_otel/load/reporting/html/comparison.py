"""How a result has changed against a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from groundhog_otel.html.markup import Html, joined, number, tag
from groundhog_otel.html.scales import logarithmic
from groundhog_otel.html.table import section, table
from groundhog_otel.load.judgement.changes import Change, Comparison
from groundhog_otel.load.reporting.rows import change_rows

__all__ = ("comparison_section",)

_STYLES: Final[Mapping[str, str]] = {"better": "good", "worse": "bad"}


def comparison_section(comparison: Comparison, baseline: str) -> Html:
    """Return how each operation has changed."""
    every = [change for one in comparison.operations for change in one.changes]
    rows = [
        (
            tag("span", row.finding, class_=_STYLES.get(row.finding, "muted")) if row.finding else "",
            row.operation, row.measure, row.before, row.now,
            "" if row.change is None else _bar(row.change, every),
            row.told if row.change is None else joined(row.told, tag("small", row.change.finding)),
        )
        for row in change_rows(comparison)
    ]  # fmt: skip
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
