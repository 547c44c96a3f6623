"""The verdict, and what it rests on."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.table import section, table
from groundhog_otel.load.reporting.advice import next_step
from groundhog_otel.load.reporting.figures import Figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.wording import bound, headline, how, measured, remarks, said, tested
from groundhog_otel.report.units import duration, rate

__all__ = ("head", "thresholds_section")

_OUTCOMES: Final = {
    "passed": tag("span", "met", class_="good"),
    "failed": tag("span", "missed", class_="bad"),
    "undecided": tag("span", "undecided", class_="bad"),
}


def head(report: Report, numbers: Figures) -> Html:
    """Return what was tested, how, and what came of it."""
    result, verdict = report.result, report.verdict
    kind = "passed" if verdict.passed else "failed"
    began = datetime.fromtimestamp(result.started_at_ns / 1e9, tz=timezone.utc)
    facts = [
        ("requests", f"{numbers.count:,}"),
        ("per second", rate(numbers.rate)),
        ("errors", f"{numbers.errors:,}"),
        ("connections", f"{result.connections_peak:,}"),
        ("measured", duration(result.duration_s)),
    ]
    if result.unfinished:
        facts.append(("given up", f"{result.unfinished:,}"))
    return tag(
        "header",
        tag("h1", "Load test of ", tested(result)),
        tag("div", how(result), f"; began {began:%Y-%m-%d %H:%M:%S} UTC", class_="muted"),
        tag(
            "div",
            tag("strong", headline(report)),
            tag("ul", [tag("li", remark) for remark in remarks(report)]) if remarks(report) else "",
            tag("p", f"Next: {next_step(report, numbers)}"),
            class_=f"verdict {kind}",
        ),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts], class_="facts"),
    )


def thresholds_section(report: Report) -> Html | str:
    """Return each threshold, and whether it is met."""
    if not report.verdict.checks:
        return ""
    rows = [
        (
            _OUTCOMES[one.outcome], one.operation or "all of them", tag("span", bound(one.threshold), class_="whole"),
            joined(measured(one), tag("small", said(one))),
        )
        for one in report.verdict.checks
    ]  # fmt: skip
    return section("Thresholds", table(("", "Operation", "Threshold", "Measured"), rows))
