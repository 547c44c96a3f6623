"""The verdict, what it rests on, and every budget; and what the page ends with."""

from __future__ import annotations

from typing import Final

from groundhog_otel.analysis.verdicts import Verdict
from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.table import table
from groundhog_otel.report.content import Report
from groundhog_otel.report.units import amount, share
from groundhog_otel.report.wording import BUDGETS, amount_of, began, facts, headline, outcome, story, title

__all__ = ("badge", "budgets_section", "foot", "head")

_MARKS: Final = {"met": ("✓", "good"), "over": ("✕", "bad"), "n/a": ("\N{EN DASH}", "muted")}
_WIDE: Final = 200.0
_MOST_FINDINGS: Final = 3
_MOST_UNREADABLE: Final = 50


def badge(said: str) -> Html:
    """Return ``met``, ``over`` or ``n/a``, with a mark for those who do not see its colour."""
    mark, kind = _MARKS[said]
    return tag("span", tag("span", mark, aria_hidden="true"), f" {said}", class_=f"badge {kind}")


def head(report: Report) -> Html:
    """Return what was recorded, and what came of it."""
    summary = report.summary
    run = summary.runs[0] if len(summary.runs) == 1 else None
    told = [began(report), f"run {run.run_id}" if run is not None else amount(len(summary.runs), "run")]
    return tag(
        "header",
        tag("h1", title(summary)),
        tag("p", " · ".join(filter(None, told)), class_="muted"),
        tag("p", story(run), class_="muted") if run is not None and run.manifest is not None else "",
        tag(
            "div",
            tag("strong", headline(report)),
            tag("ul", [tag("li", sentence) for sentence in _sentences(report)]) if _sentences(report) else "",
            class_=f"verdict {'failed' if report.over else 'passed'}",
        ),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts(report)], class_="facts"),
    )


def _sentences(report: Report) -> list[str]:
    """Say what is over its budget, and what it comes from."""
    missed = report.summary.missed
    said = []
    if missed:
        names = ", ".join(dict.fromkeys(one.name for one in missed[:_MOST_FINDINGS]))
        more = f" and {len(missed) - _MOST_FINDINGS} more" if len(missed) > _MOST_FINDINGS else ""
        whole = amount(len(report.summary.operations), "operation")
        said.append(f"{len(missed)} of {whole} over budget: {names}{more}.")
    said.extend(finding.says for finding in (report.findings or ())[:_MOST_FINDINGS])
    unjudged = [one.budget for one in report.verdicts if one.met is None]
    if unjudged:
        said.append(f"Not judged, since nothing was recorded for it: {', '.join(unjudged)}.")
    return said


def budgets_section(report: Report) -> Html:
    """Return every budget, also those for which nothing was recorded."""
    rows = [
        (
            badge(outcome(one)),
            BUDGETS[one.budget],
            amount_of(one.quantity, one.limit),
            "n/a" if one.measured is None else amount_of(one.quantity, one.measured),
            "" if one.measured is None else _bar(one, one.measured),
            tag("span", one.missing, class_="muted") if one.measured is None else joined(one.worst, _within(one)),
        )
        for one in report.verdicts
    ]
    few = any(one.latency.p99_is_max for one in report.summary.operations)
    return joined(
        table(("", "Budget", "Limit", "Worst", "Share of the limit", "Where"), rows, right=(2, 3)),
        tag("p", "With fewer than 100 calls, an operation's p99 is its slowest call.", class_="muted") if few else "",
    )


def _within(one: Verdict) -> Html | str:
    return "" if one.judged < 2 else tag("small", f"{one.within} of {one.judged} within")


def _bar(verdict: Verdict, measured: float) -> Html:
    """Draw the share of the limit that is used; the limit is the line at three quarters of the width."""
    used = measured / verdict.limit
    limit = _WIDE * 0.75
    return tag(
        "span",
        tag(
            "svg",
            tag("rect", x=0, y=7, width=max(min(used * limit, _WIDE), 1.5), height=8, rx=2,
                class_=f"bar {'met' if verdict.met else 'over'}"),
            tag("path", d=f"M{limit:.0f},2V20", class_="limit"),
            viewbox=f"0 0 {_WIDE:.0f} 22", class_="inline", aria_hidden="true",
        ),
        tag("small", share(used) if used < 9.995 else f"{used:,.0f} times", class_="beside"),
        class_="whole",
    )  # fmt: skip


def foot(report: Report) -> Html:
    """Return versions, what could not be read, and how to read the page."""
    versions = [f"{name} {version}" for name, version in report.versions]
    unreadable = [f"{one.file.parent.name}/{one.file.name}:{one.line}" for one in report.summary.unreadable]
    more = len(unreadable) - _MOST_UNREADABLE
    return tag(
        "footer",
        tag("p", f"Recorded by {', '.join(versions)}.", class_="muted") if versions else "",
        tag(
            "details",
            tag("summary", f"{amount(len(unreadable), 'line')} could not be read, and were left out"),
            tag("p", ", ".join(unreadable[:_MOST_UNREADABLE]), f" and {more} more" if more > 0 else ""),
        )
        if unreadable
        else "",
        tag("p", "Made by groundhog report. This page loads nothing and sends nothing.", class_="muted"),
    )
