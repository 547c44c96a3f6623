"""The parts of the page, from top to bottom."""

from __future__ import annotations

import json

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.table import section, table
from groundhog_otel.load.reporting.figures import Figures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.html.budget import budget_section
from groundhog_otel.load.reporting.html.comparison import comparison_section
from groundhog_otel.load.reporting.html.head import head, thresholds_section
from groundhog_otel.load.reporting.html.latency import latency_section
from groundhog_otel.load.reporting.html.over_time import over_time_section
from groundhog_otel.load.reporting.html.requests import errors_section, slowest_section
from groundhog_otel.load.reporting.html.scaling import scaling_section
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.report.units import duration, share

__all__ = ("sections",)


def sections(report: Report, numbers: Figures) -> Html:
    """Return all that there is to say."""
    result = report.result
    return joined(
        head(report, numbers),
        "" if report.scaling is None else scaling_section(report.scaling),
        thresholds_section(report),
        latency_section(report, numbers),
        over_time_section(result),
        errors_section(result),
        "" if report.budget is None else budget_section(report.budget),
        slowest_section(report),
        "" if report.comparison is None else comparison_section(report.comparison, report.baseline),
        _self_check(result),
        _foot(result),
    )


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
