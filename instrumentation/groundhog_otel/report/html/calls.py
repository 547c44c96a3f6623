"""Where single calls are looked for, and their traces looked at: what is there before the script fills it."""

from __future__ import annotations

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.report.content import Report
from groundhog_otel.report.units import amount

__all__ = ("calls_section",)

_KEYS = (
    ("↑ ↓", "the next"), ("Enter", "show its trace"), ("← →", "close and open what is below a span"), ("/", "search"),
)  # fmt: skip


def calls_section(report: Report, *, traces: int, left_out: int, spans: int, content: bool) -> Html | str:
    """Return the search, the table of calls, and the place for a trace and a span."""
    if not traces:
        return ""
    return joined(
        tag("p", " ".join(_notes(traces, left_out, spans, content)), class_="muted"),
        _controls(report),
        tag("noscript", tag("p", "Calls and traces are shown by a script in this page: allow it to run.")),
        tag("output", id="found", class_="status", aria_live="polite"),
        tag("div", id="call-rows", class_="rows calls", role="grid", tabindex="0", aria_label="Calls"),
        tag("p", [tag("span", tag("kbd", key), f" {does} ") for key, does in _KEYS], class_="keys"),
        tag("h3", "Trace", id="trace-title", tabindex="-1"),
        tag("div", id="trace-rows", class_="rows trace", role="treegrid", tabindex="0", aria_labelledby="trace-title"),
        tag("div", id="span-details", class_="details", role="region", aria_label="Span"),
    )


def _notes(traces: int, left_out: int, spans: int, content: bool) -> list[str]:
    notes = [f"{amount(spans, 'span')} of {amount(traces, 'trace')}."]
    if left_out:
        notes.append(
            f"Left out of this page: {amount(left_out, 'more trace')}, rather those without errors and within "
            "budget. All figures are of all of them."
        )
    if not content:
        notes.append("Texts of attributes that may hold what was in a message are left out.")
    return notes


def _controls(report: Report) -> Html:
    operations = [
        tag("option", f"{one.name} · {one.service} ({one.side})", value=str(number))
        for number, one in enumerate(report.summary.operations)
    ]
    every = tag("option", "every operation", value="-1")
    which = [tag("option", text, value=value) for value, text in
             (("all", "all"), ("over", "over budget"), ("failed", "failed"))]  # fmt: skip
    return tag(
        "form",
        tag("label", "Search", tag("input", id="search", type="search", autocomplete="off", spellcheck="false",
                                   placeholder="name, service, error, id, value")),
        tag("label", "Operation", tag("select", every, *operations, id="operation")),
        tag("label", "Show", tag("select", *which, id="which")),
        tag("label", tag("input", id="both", type="checkbox"), "Calls within calls, too", class_="tick"),
        class_="controls", role="search",
    )  # fmt: skip
