"""The parts of the page, from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Final

from groundhog_otel.html.markup import Html, joined, link, tag
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.links.finding import Link
from groundhog_otel.load.reporting.advice import next_step
from groundhog_otel.load.reporting.figures import Figures, OperationFigures, Percentile, slices
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.beside import comparison_section, scaling_section
from groundhog_otel.load.reporting.html.charts import (
    budget_bar,
    distribution,
    errors_over_time,
    latency_over_time,
    rate_over_time,
    wait_bar,
)
from groundhog_otel.load.reporting.html.table import row, section, table
from groundhog_otel.load.reporting.wording import (
    bound,
    error_name,
    headline,
    how,
    known_of,
    measured,
    percent_name,
    remarks,
    sentence,
    short,
    tested,
    waited_s,
)
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.report.units import amount, between, duration, rate, share

__all__ = ("sections",)

_MOST_CHARTS: Final = 8
_MOST_ERRORS: Final = 50
_OUTCOMES: Final = {
    "passed": tag("span", "met", class_="good"),
    "failed": tag("span", "missed", class_="bad"),
    "undecided": tag("span", "undecided", class_="bad"),
}


def sections(report: Report, numbers: Figures) -> Html:
    """Return all that there is to say."""
    result = report.result
    return joined(
        _head(report, numbers),
        _thresholds(report),
        _latency(report, numbers),
        _over_time(result),
        _errors(result),
        "" if report.budget is None else _budget(report.budget),
        _slowest(result, report.links),
        "" if report.comparison is None else comparison_section(report.comparison, report.baseline),
        "" if report.scaling is None else scaling_section(report.scaling),
        _self_check(result),
        _foot(result),
    )


def _head(report: Report, numbers: Figures) -> Html:
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


def _thresholds(report: Report) -> Html | str:
    if not report.verdict.checks:
        return ""
    rows = [
        (
            _OUTCOMES[one.outcome], one.operation or "all of them", tag("span", bound(one.threshold), class_="whole"),
            joined(measured(one), tag("small", sentence(one))),
        )
        for one in report.verdict.checks
    ]  # fmt: skip
    return section("Thresholds", table(("", "Operation", "Threshold", "Measured"), rows))


def _latency(report: Report, numbers: Figures) -> Html:
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


def _over_time(result: LoadResult) -> Html | str:
    shown = slices(result)
    if not shown:
        return ""
    errors = errors_over_time(shown) if any(one.error_rate for one in shown) else tag("p", "There were no errors.")
    rates = rate_over_time(shown, is_open=result.model == "open")
    return section("Over time", tag("div", rates, latency_over_time(shown), errors, class_="wide"))


def _errors(result: LoadResult) -> Html | str:
    rows = sorted(
        (
            (count, one.name, error_name(kind), short(one.messages.get(kind, "")))
            for one in result.operations
            for kind, count in one.errors.items()
        ),
        reverse=True,
    )
    if not rows:
        return ""
    shown = [(f"{count:,}", *texts) for count, *texts in rows[:_MOST_ERRORS]]
    more = len(rows) - len(shown)
    return section(
        "Errors",
        table(("Count", "Operation", "Error", "One message of it"), shown, right=(0,)),
        tag("p", f"{amount(more, 'more kind')} left out.", class_="muted") if more else "",
    )


def _budget(budget: Budget) -> Html:
    rows: list[tuple[str, ...]] = [
        (
            joined(tag("i", class_=f"swatch block part-{number % 8}"), f" {part.name}"),
            duration(part.seconds), share(part.share),
        )
        for number, part in enumerate(budget.parts)
    ]  # fmt: skip
    rows.append((tag("strong", "total"), duration(budget.seconds), share(sum(part.share for part in budget.parts))))
    return section(
        "Where the time goes",
        tag("p", f"Mean of {amount(budget.requests, 'request')}. {known_of(budget)}", class_="muted"),
        budget_bar(budget),
        table(("Part", "Mean", "Share"), rows, right=(1, 2)),
    )


def _slowest(result: LoadResult, links: tuple[Link, ...]) -> Html | str:
    if not result.slowest:
        return ""
    known = {one.request.trace_id: one for one in links}
    longest_s = result.slowest[0].response_s
    rows = [
        (
            duration(one.response_s), duration(waited_s(one)) if waited_s(one) else "0", duration(one.service_s),
            wait_bar(waited_s(one), one.service_s, longest_s),
            f"{(one.intended_ns - result.started_at_ns) / 1e9:.2f} s",
            joined(one.operation, tag("small", error_name(one.error), class_="bad") if one.error else ""),
            _trace(one, known.get(one.trace_id)),
        )
        for one in result.slowest
    ]  # fmt: skip
    legend = (
        tag("span", tag("i", class_="swatch block response"), "waited"),
        tag("span", tag("i", class_="swatch block service"), "service"),
    )
    head = ("Response", "Waited", "Service", "", "Due at", "Operation", "Trace")
    return section("Slowest requests", tag("div", legend, class_="legend"), table(head, rows, right=(0, 1, 2, 4)))


def _trace(request: Request, known: Link | None) -> Html:
    short = f"{request.trace_id[:8]}…"
    if known is None:
        return tag("span", short, title=request.trace_id)
    if not known.found or known.url_or_file is None:
        why = known.missing or "not stored"
        return joined(tag("span", short, title=request.trace_id), tag("small", why))
    way = link(known.url_or_file, short)
    rest = [one for one in (known.command, known.missing) if one is not None]
    if way == joined(short):
        rest.insert(0, known.url_or_file)
    return joined(way, [tag("small", one) for one in rest])


def _self_check(result: LoadResult) -> Html | str:
    if not result.self_checks:
        return ""
    rows = [
        (
            str(one.worker), share(one.cpu_share), share(one.cpu_share_max),
            *map(duration, (one.scheduling_error_p50_s, one.scheduling_error_p99_s, one.scheduling_error_max_s)),
            duration(one.gc_pause_total_s), duration(one.gc_pause_max_s),
        )
        for one in result.self_checks
    ]  # fmt: skip
    head = ("Worker", "CPU", "CPU at most", "Late, p50", "Late, p99", "Late, at most", "GC in all", "GC at most")
    return section(
        "The generator itself",
        tag("p", "CPU is of one core; late is how much after its time a request was begun.", class_="muted"),
        table(head, rows, right=range(1, 8)),
    )


def _foot(result: LoadResult) -> Html:
    config = json.dumps(dict(result.config), indent=2, ensure_ascii=False, default=str)
    details = tag("details", tag("summary", "Configuration"), tag("pre", config))
    return tag("footer", details, tag("p", f"Run {result.run_id}, by groundhog load.", class_="muted"))
