"""Before and after of each optimisation: what was predicted, what was measured, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.table import table
from groundhog_otel.report.content import Report
from groundhog_otel.report.optimizations import MEASURES, Effect, Optimization
from groundhog_otel.report.wording import change, effect_amount, savings

__all__ = ("optimizations_section",)

_WIDE: Final = 160.0
_STYLES: Final = {"better": "good", "worse": "bad"}
_FURTHEST: Final = 1.0
"""What is beyond twice, or beyond nothing, is drawn at the end."""


def optimizations_section(report: Report) -> Html | str:
    """Return the trials, or nothing where there were none."""
    if not report.optimizations:
        return ""
    reach = _reach(report.optimizations)
    rows = [row for one in report.optimizations for row in _rows(one, reach)]
    return joined(
        tag(
            "p", "Each was tried in turns with the server as it was. In brackets: the interval that holds the true ",
            "change in 95 of 100 trials. The line is no change; left of it is better.", class_="muted",
        ),
        table(("Tried", "Measure", "Before", "After", "Change", "", "Outcome"), rows, right=(2, 3)),
    )  # fmt: skip


def _rows(one: Optimization, reach: float) -> list[tuple[str, ...]]:
    tried = joined(tag("strong", one.action), tag("small", savings(one)))
    said = joined(tag("strong", one.outcome), tag("small", one.why), tag("small", one.at, class_="whole"))
    rows = [_row(effect, reach) for effect in one.effects] or [("not measured", "", "", "", "")]
    return [(tried if not number else "", *row, said if not number else "") for number, row in enumerate(rows)]


def _row(found: Effect, reach: float) -> tuple[str, ...]:
    said = tag("small", found.finding, class_=_STYLES.get(found.finding))
    return (
        MEASURES[found.measure],
        effect_amount(found, found.without),
        effect_amount(found, found.changed),
        joined(tag("span", change(found), class_="whole"), said),
        _drawn(found, reach),
    )


def _drawn(found: Effect, reach: float) -> Html:
    """Draw the interval on the axis that all changes share."""

    def across(value: float) -> str:
        return f"{6 + (max(min(value / reach, 1), -1) + 1) / 2 * (_WIDE - 12):.1f}"

    return tag(
        "svg",
        tag("path", d=f"M{across(0)},1V21", class_="axis"),
        tag("path", d=f"M{across(found.low)},11H{across(found.high)}", class_=f"whisker {found.finding}"),
        tag("circle", cx=across(found.change), cy=11, r=4, class_=f"dot {found.finding}"),
        viewbox=f"0 0 {_WIDE:.0f} 22", class_="inline", aria_hidden="true",
    )  # fmt: skip


def _reach(trials: Sequence[Optimization]) -> float:
    ends = [abs(end) for one in trials for each in one.effects for end in (each.low, each.high, each.change)]
    return min(max([0.05, *ends]), _FURTHEST)
