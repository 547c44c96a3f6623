"""What MCP operations do: rate, errors, duration, sessions, by service, method and tool."""

from __future__ import annotations

from typing import Final

from groundhog_otel.dashboards.dashboard import Dashboard, Row, choice, label_variable
from groundhog_otel.dashboards.panels import Query, heatmap, stat, table, timeseries
from groundhog_otel.dashboards.promql import quantile, rate, ratio, total

__all__ = ("MCP", "OF_JOB")

# All spans are counted before any is dropped, so these are true rates. Operations have a method; other spans do not.
_CHOSEN: Final = 'service_name=~"$service", mcp_method_name=~"$method", gen_ai_tool_name=~"$tool", span_kind="$side"'
_CALLS: Final = f"mcp_span_calls_total{{{_CHOSEN}}}"
_FAILED: Final = f'mcp_span_calls_total{{{_CHOSEN}, status_code="STATUS_CODE_ERROR"}}'
_BUCKETS: Final = f"mcp_span_duration_seconds_bucket{{{_CHOSEN}}}"
_OPERATION: Final = ("service_name", "mcp_method_name", "gen_ai_tool_name")
_LEGEND: Final = "{{service_name}} {{mcp_method_name}} {{gen_ai_tool_name}}"

OF_JOB: Final = 'job=~"(.+/)?$service"'
"""The metrics that a service sends itself: their job is its name, after its namespace and a slash where it has one."""

# Exemplars of the kept traces only, which are all stored. The comparison drops every sample: their counts are biased by
# the sampling, and Grafana asks for a query's exemplars whether or not it returns any sample.
_EXEMPLARS: Final = Query(
    f"{total((), rate(f'mcp_kept_duration_seconds_bucket{{{_CHOSEN}}}'))} < 0", "stored traces", exemplars=True
)

_OVERVIEW: Final = Row(
    "Operations",
    (
        timeseries("Rate", "Operations per second.", "reqps", Query(total(_OPERATION, rate(_CALLS)), _LEGEND)),
        timeseries(
            "Errors by type",
            "Failed operations per second, by error.type.",
            "reqps",
            Query(
                total((*_OPERATION, "error_type"), rate(_FAILED)),
                "{{service_name}} {{gen_ai_tool_name}} {{error_type}}",
            ),
            stacked=True,
        ),
        timeseries(
            "Error ratio",
            "Share of operations that failed.",
            "percentunit",
            Query(ratio(total(_OPERATION, rate(_FAILED)), total(_OPERATION, rate(_CALLS))), _LEGEND),
        ),
        heatmap(
            "Duration",
            "Where operations fall by duration. The dots are stored traces: click one to open it.",
            Query(total(("le",), rate(_BUCKETS)), "{{le}}"),
            _EXEMPLARS,
        ),
        timeseries(
            "Duration, all that is chosen",
            "Half, 95 % and 99 % of operations are at most as long. The dots are stored traces.",
            "s",
            *(Query(quantile(q, (), _BUCKETS), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99)),
            _EXEMPLARS,
            width=12,
        ),
        timeseries("p50", "By operation.", "s", Query(quantile(0.5, _OPERATION, _BUCKETS), _LEGEND)),
        timeseries("p95", "By operation.", "s", Query(quantile(0.95, _OPERATION, _BUCKETS), _LEGEND)),
        timeseries("p99", "By operation.", "s", Query(quantile(0.99, _OPERATION, _BUCKETS), _LEGEND)),
    ),
)


def _over_range(q: float) -> str:
    return f"histogram_quantile({q:g}, {total((*_OPERATION, 'le'), rate(_BUCKETS, '$__range'))})"


_TABLE: Final = Row(
    "Over the whole time range",
    (
        table(
            "Every operation",
            "Slowest first.",
            (
                ("Calls", "short", Query(total(_OPERATION, f"increase({_CALLS}[$__range])"))),
                (
                    "Errors",
                    "percentunit",
                    Query(
                        ratio(total(_OPERATION, rate(_FAILED, "$__range")), total(_OPERATION, rate(_CALLS, "$__range")))
                    ),
                ),
                ("p50", "s", Query(_over_range(0.5))),
                ("p95", "s", Query(_over_range(0.95))),
                ("p99", "s", Query(_over_range(0.99))),
            ),
        ),
    ),
)

_SESSION_COUNT: Final = f"mcp_server_session_duration_seconds_count{{{OF_JOB}}}"
_SESSION_BUCKETS: Final = f"mcp_server_session_duration_seconds_bucket{{{OF_JOB}}}"

_SESSIONS: Final = Row(
    "Sessions",
    (
        timeseries(
            "Under way",
            "Requests that wait for their answer, by side and method.",
            "short",
            Query(
                total(("job", "groundhog_mcp_side", "mcp_method_name"), f"groundhog_mcp_requests_active{{{OF_JOB}}}"),
                "{{job}} {{groundhog_mcp_side}} {{mcp_method_name}}",
            ),
        ),
        timeseries(
            "Sessions that ended",
            "Per second, at servers. A session is counted when it is over; protocols from 2026-07-28 on have none.",
            "reqps",
            Query(total(("job", "mcp_protocol_version"), rate(_SESSION_COUNT)), "{{job}} {{mcp_protocol_version}}"),
        ),
        timeseries(
            "Their length",
            "Half and 95 % of the sessions that ended were at most as long.",
            "s",
            Query(quantile(0.5, ("job",), _SESSION_BUCKETS), "{{job}} p50"),
            Query(quantile(0.95, ("job",), _SESSION_BUCKETS), "{{job}} p95"),
        ),
    ),
)

_FIGURES: Final = Row(
    "At a glance",
    (
        stat("Operations", "Per second.", "reqps", Query(total((), rate(_CALLS))), width=6),
        stat(
            "Errors",
            "Share of operations that failed.",
            "percentunit",
            Query(ratio(total((), rate(_FAILED)), total((), rate(_CALLS)))),
            width=6,
        ),
        stat("p50", "Half of all operations are at most as long.", "s", Query(quantile(0.5, (), _BUCKETS)), width=6),
        stat("p99", "99 % of all operations are at most as long.", "s", Query(quantile(0.99, (), _BUCKETS)), width=6),
    ),
)

_SERIES: Final = "mcp_span_calls_total"

MCP: Final = Dashboard(
    "mcp",
    "MCP operations",
    "Rate, errors and duration of MCP operations, by service, method and tool; and sessions.",
    (
        choice("side", (("server", "SPAN_KIND_SERVER"), ("client", "SPAN_KIND_CLIENT"))),
        label_variable("service", f'{_SERIES}{{span_kind="$side", mcp_method_name!=""}}', "service_name"),
        label_variable("method", f'{_SERIES}{{span_kind="$side", service_name=~"$service"}}', "mcp_method_name"),
        label_variable(
            "tool",
            f'{_SERIES}{{span_kind="$side", service_name=~"$service", mcp_method_name=~"$method"}}',
            "gen_ai_tool_name",
            everything=".*",
        ),
    ),
    (_FIGURES, _OVERVIEW, _TABLE, _SESSIONS),
)
