"""What costs time, why, what to do, and what shows it."""

from __future__ import annotations

from collections.abc import Collection

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.report.content import Report
from groundhog_otel.report.wording import confidence, gain, kind_of

__all__ = ("findings_section",)


def findings_section(report: Report, there: Collection[str]) -> Html | str:
    """Return the findings; their evidence links to the traces that are ``there``, in this page."""
    if report.findings is None:
        return ""
    if not report.findings:
        return tag("p", "No detector has found anything that costs time.")
    return tag("ol", [_finding(one, there) for one in report.findings], class_="findings")


def _finding(one: Finding, there: Collection[str]) -> Html:
    about = f"{one.target} · {one.service}" if one.target else one.service
    return tag(
        "li",
        tag("h3", one.says),
        tag("p", tag("span", kind_of(one), class_="kind"), f" {about}", class_="muted"),
        tag("p", one.advice),
        tag(
            "dl",
            tag("div", tag("dt", "to gain"), tag("dd", gain(one))),
            tag("div", tag("dt", "confidence"), tag("dd", confidence(one))),
            tag("div", tag("dt", "action of the optimiser"), tag("dd", tag("code", _action(one))))
            if one.action
            else "",
            class_="told",
        ),
        tag("ul", [tag("li", _evidence(evidence, there)) for evidence in one.evidence], class_="evidence"),
    )


def _action(one: Finding) -> str:
    given = ", ".join(f"{name}={value}" for name, value in one.parameters.items())
    return f"{one.action} ({given})" if given else f"{one.action}"


def _evidence(one: Evidence, there: Collection[str]) -> Html:
    if one.trace_id is None:
        return joined(one.says)
    if one.trace_id not in there:
        return joined(one.says, " ", tag("span", f"trace {one.trace_id}", class_="muted"))
    place = f"#trace={one.trace_id}" + (f"&span={one.span_id}" if one.span_id else "")
    return joined(one.says, " ", tag("a", "Show the trace", href=place, class_="whole"))
