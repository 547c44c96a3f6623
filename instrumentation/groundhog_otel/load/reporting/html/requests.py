"""Single requests: which failed, and which were slow."""

from __future__ import annotations

from typing import Final

from groundhog_otel.html.markup import Html, joined, link, tag
from groundhog_otel.html.table import section, table
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.rows import SlowRow, error_rows, slow_rows
from groundhog_otel.load.reporting.wording import error_name
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.report.units import amount, duration

__all__ = ("errors_section", "slowest_section")

_MOST_ERRORS: Final = 50


def errors_section(result: LoadResult) -> Html | str:
    """Return the most frequent errors."""
    rows = error_rows(result)
    if not rows:
        return ""
    shown = [(f"{one.count:,}", one.operation, one.error, one.message) for one in rows[:_MOST_ERRORS]]
    more = len(rows) - len(shown)
    return section(
        "Errors",
        table(("Count", "Operation", "Error", "One message of it"), shown, right=(0,)),
        tag("p", f"{amount(more, 'more kind')} left out.", class_="muted") if more else "",
    )


def slowest_section(report: Report) -> Html | str:
    """Return the slowest requests, and where their traces are."""
    slow = slow_rows(report)
    if not slow:
        return ""
    longest_s = slow[0].request.response_s
    legend = (
        tag("span", tag("i", class_="swatch block response"), "waited"),
        tag("span", tag("i", class_="swatch block service"), "service"),
    )
    head = ("Response", "Waited", "Service", "", "Due at", "Operation", "Trace")
    rows = [_slow(one, longest_s) for one in slow]
    return section("Slowest requests", tag("div", legend, class_="legend"), table(head, rows, right=(0, 1, 2, 4)))


def _slow(one: SlowRow, longest_s: float) -> tuple[str, ...]:
    request = one.request
    return (
        duration(request.response_s), duration(one.waited_s) if one.waited_s else "0", duration(request.service_s),
        _bar(one.waited_s, request.service_s, longest_s), f"{one.due_s:.2f} s",
        joined(request.operation, tag("small", error_name(request.error), class_="bad") if request.error else ""),
        _trace(one),
    )  # fmt: skip


def _trace(one: SlowRow) -> Html:
    trace_id, known = one.request.trace_id, one.link
    short = f"{trace_id[:8]}…"
    if known is None:
        return tag("span", short, title=trace_id)
    if not known.found or known.url_or_file is None:
        why = known.missing or "not stored"
        return joined(tag("span", short, title=trace_id), tag("small", why))
    way = link(known.url_or_file, short)
    rest = [text for text in (known.command, known.missing) if text is not None]
    if way == joined(short):
        rest.insert(0, known.url_or_file)
    return joined(way, [tag("small", text, class_="copied") for text in rest])


def _bar(waited_s: float, service_s: float, longest_s: float) -> Html:
    """Draw how much of a request was waiting."""
    scale = 180 / longest_s if longest_s > 0 else 0.0
    return tag(
        "svg",
        tag("rect", x=0, y=4, width=waited_s * scale, height=14, class_="block response"),
        tag("rect", x=waited_s * scale, y=4, width=max(service_s * scale, 1), height=14, class_="block service"),
        viewbox="0 0 180 22", class_="inline", aria_hidden="true",
    )  # fmt: skip
