"""The parts of the page, from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Final

from groundhog_otel.load.reporting.figures import Figures, OperationFigures, Percentile, slices
from groundhog_otel.load.reporting.given import Budget, Comparison, Link, Report, Scaling, Uncertain
from groundhog_otel.load.reporting.html.charts import (
    budget_bar,
    distribution,
    errors_over_time,
    latency_over_time,
    rate_over_time,
    ratio_bar,
    scaling_plot,
    wait_bar,
)
from groundhog_otel.load.reporting.html.markup import Html, joined, link, tag
from groundhog_otel.load.reporting.wording import (
    bound,
    change_verdict,
    error_name,
    found,
    headline,
    how,
    measure,
    next_step,
    percent_name,
    queueing,
    ratio,
    tested,
    waited_s,
)
from groundhog_otel.load.result import LoadResult, Request
from groundhog_otel.report.units import amount, between, duration, rate, share

__all__ = ("sections",)

_MOST_CHARTS: Final = 8
_MOST_ERRORS: Final = 50


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
        "" if report.comparison is None else _comparison(report.comparison),
        "" if report.scaling is None else _scaling(report.scaling),
        _self_check(result),
        _foot(result),
    )


def _head(report: Report, numbers: Figures) -> Html:
    result, verdict = report.result, report.verdict
    kind = "invalid" if not verdict.valid else "passed" if verdict.passed else "failed"
    began = datetime.fromtimestamp(result.started_at_ns / 1e9, tz=timezone.utc)
    reasons = [*verdict.reasons, *([f"ended early: {result.interrupted}"] if result.interrupted else [])]
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
            tag("ul", [tag("li", reason) for reason in reasons]) if reasons else "",
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
            tag("span", "met", class_="good") if one.passed else tag("span", "missed", class_="bad"),
            one.operation, bound(one.threshold), found(one),
        )
        for one in report.verdict.checks
    ]  # fmt: skip
    return _section("Thresholds", _table(("", "Operation", "Threshold", "Measured"), rows))


def _latency(report: Report, numbers: Figures) -> Html:
    if not numbers.operations:
        return _section("Latency", tag("p", "No request was answered after the warm-up."))
    percents = [percent_name(one.percent) for one in numbers.operations[0].response]
    own = {one.name: one for one in report.result.operations}
    lines = [tag("p", line) for one in numbers.operations if (line := queueing(one))]
    drawn = numbers.operations[:_MOST_CHARTS]
    more = len(numbers.operations) - len(drawn)
    return _section(
        "Latency",
        tag(
            "p", "Response is from the moment a request was due, service from the moment it was sent. Small below a value: "
            "the interval that holds the true one in 95 of 100 tests.", class_="muted",
        ),
        lines,
        _table(
            ("Operation", "Requests", "Rate", "Errors", "", *percents, "max"),
            [row for one in numbers.operations for row in _latency_rows(one)],
            right=(1, 2, 3, *range(5, 6 + len(percents))),
        ),
        tag("div", [distribution(one, own[one.name], report) for one in drawn], class_="charts"),
        tag("p", f"{amount(more, 'operation')} with fewer requests not drawn.", class_="muted") if more else "",
    )  # fmt: skip


def _latency_rows(one: OperationFigures) -> Iterable[tuple[str, ...]]:
    errors = tag("span", f"{one.errors:,} ({share(one.error_share)})", class_="bad") if one.errors else "0"
    yield (
        one.name, f"{one.count:,}", rate(one.rate), errors, "response",
        *map(_percentile, one.response), duration(one.response_max_s),
    )  # fmt: skip
    yield ("", "", "", "", "service", *map(_percentile, one.service), duration(one.service_max_s))


def _percentile(one: Percentile) -> Html:
    if one.value_s is None:
        return joined(tag("span", "too few", class_="muted"), tag("small", f"needs {one.needed:,}"))
    return joined(duration(one.value_s), tag("small", between(one.low_s, one.high_s)))


def _over_time(result: LoadResult) -> Html | str:
    shown = slices(result)
    if not shown:
        return ""
    errors = errors_over_time(shown) if any(one.error_rate for one in shown) else tag("p", "There were no errors.")
    return _section(
        "Over time",
        tag(
            "div", rate_over_time(shown, is_open=result.model == "open"), latency_over_time(shown), errors, class_="wide"
        ),
    )  # fmt: skip


def _errors(result: LoadResult) -> Html | str:
    rows = sorted(
        (
            (count, one.name, error_name(kind), one.messages.get(kind, ""))
            for one in result.operations
            for kind, count in one.errors.items()
        ),
        reverse=True,
    )
    if not rows:
        return ""
    shown = [(f"{count:,}", *texts) for count, *texts in rows[:_MOST_ERRORS]]
    more = len(rows) - len(shown)
    return _section(
        "Errors",
        _table(("Count", "Operation", "Error", "One message of it"), shown, right=(0,)),
        tag("p", f"{amount(more, 'more kind')} left out.", class_="muted") if more else "",
    )


def _budget(budget: Budget) -> Html:
    rows: list[tuple[str, ...]] = [
        (tag("i", class_=f"swatch block part-{number % 8}"), part.name, duration(part.seconds), share(part.share))
        for number, part in enumerate(budget.parts)
    ]
    total = sum(part.seconds for part in budget.parts), sum(part.share for part in budget.parts)
    rows.append(("", tag("strong", "total"), duration(total[0]), share(total[1])))
    return _section(
        "Where the time goes",
        tag("p", f"Mean of {amount(budget.requests, 'request')} whose traces were found.", class_="muted"),
        budget_bar(budget),
        _table(("", "Part", "Mean", "Share"), rows, right=(2, 3)),
    )


def _slowest(result: LoadResult, links: tuple[Link, ...]) -> Html | str:
    if not result.slowest:
        return ""
    known = {one.request.trace_id: one for one in links}
    longest_s = result.slowest[0].response_s
    rows = [
        (
            duration(one.response_s), duration(waited_s(one)), duration(one.service_s),
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
    return _section("Slowest requests", tag("div", legend, class_="legend"), _table(head, rows, right=(0, 1, 2, 4)))


def _trace(request: Request, known: Link | None) -> Html:
    short = f"{request.trace_id[:8]}…"
    if known is None:
        return tag("span", short, title=request.trace_id)
    if not known.found:
        return tag("span", f"{short} not stored", title=request.trace_id, class_="muted")
    return link(known.url_or_file, short)


def _comparison(comparison: Comparison) -> Html:
    rows = []
    for one in comparison.changes:
        values = ["–" if value is None else measure(one.measure, value) for value in (one.before, one.after)]
        style = {"better": "good", "worse": "bad"}.get(one.verdict, "muted")
        told = tag("span", change_verdict(one), class_=style)
        bar = ratio_bar(one, comparison.changes)
        rows.append((told, one.operation, one.measure, *values, bar, one.note or ratio(one)))
    return _section(
        f"Beside the baseline {comparison.baseline}",
        [tag("p", note) for note in comparison.notes],
        _table(("", "Operation", "", "Before", "Now", "Now / before", "95 % interval"), rows, right=(3, 4)),
    )


def _scaling(scaling: Scaling) -> Html:
    facts = [
        ("most throughput at", "not reached" if scaling.knee is None else _interval(scaling.knee, ".0f")),
        ("contention", _interval(scaling.contention, ".3g")),
        ("coherency", _interval(scaling.coherency, ".2g")),
        *((need.target, _interval(need.cores, ".2g", " cores")) for need in scaling.needs if need.cores is not None),
        *((need.target, "cannot be told") for need in scaling.needs if need.cores is None),
    ]
    return _section("Scaling", tag("div", scaling_plot(scaling), class_="wide"), _table(("", ""), facts, head=False))


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
    return _section(
        "The generator itself",
        tag("p", "CPU is of one core; late is how much after its time a request was begun.", class_="muted"),
        _table(head, rows, right=range(1, 8)),
    )


def _foot(result: LoadResult) -> Html:
    config = json.dumps(dict(result.config), indent=2, ensure_ascii=False, default=str)
    details = tag("details", tag("summary", "Configuration"), tag("pre", config))
    return tag("footer", details, tag("p", f"Run {result.run_id}, by groundhog load.", class_="muted"))


def _section(title: str, *children: str | Iterable[str]) -> Html:
    return tag("section", tag("h2", title), *children)


def _table(
    names: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, right: Iterable[int] = (), head: bool = True
) -> Html:
    numbers = set(right)

    def cell(kind: str, index: int, value: str) -> Html:
        return tag(kind, value, class_="n" if index in numbers else "text")

    body = [tag("tr", [cell("td", index, value) for index, value in enumerate(row)]) for row in rows]
    first = tag("thead", tag("tr", [cell("th", index, name) for index, name in enumerate(names)])) if head else ""
    return tag("div", tag("table", first, tag("tbody", body)), class_="scroll")


def _interval(number: Uncertain, spec: str, unit: str = "") -> str:
    return f"{number.value:{spec}}{unit} ({number.low:{spec}} to {number.high:{spec}})"
