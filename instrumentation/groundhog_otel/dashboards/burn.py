"""The latency budgets: how much of each class of operations is slower than its budget, and how fast that uses it up."""

from __future__ import annotations

from typing import Final

from groundhog_otel.budgets import LATENCY_BUDGETS, METHOD_PATTERNS, PROTOCOL, Budget
from groundhog_otel.dashboards.dashboard import Dashboard, Row, choice, label_variable
from groundhog_otel.dashboards.panels import Query, stat, timeseries
from groundhog_otel.dashboards.promql import rate, ratio, total

__all__ = ("ALLOWED", "BURN", "METHODS")

ALLOWED: Final = 0.01
"""The share of operations that may be slower than their budget: it is one for the 99th percentile."""

METHODS: Final = {
    **{name: f'mcp_method_name=~"{pattern}"' for name, pattern in METHOD_PATTERNS.items()},
    PROTOCOL.name: f'mcp_method_name!~"{"|".join(METHOD_PATTERNS.values())}", mcp_method_name!=""',
}
"""PromQL for the methods of each class; Prometheus anchors patterns at both ends."""

_CHOSEN: Final = 'service_name=~"$service", gen_ai_tool_name=~"$tool", span_kind="$side"'
_OPERATION: Final = ("service_name", "mcp_method_name", "gen_ai_tool_name")
_WINDOWS: Final = ("5m", "1h", "6h")


def _slow(budget: Budget, by: tuple[str, ...], window: str) -> str:
    """Return the share of operations over their budget: exact, since each budget is a boundary of a bucket."""
    chosen = f"{_CHOSEN}, {METHODS[budget.name]}"
    every = total(by, rate(f"mcp_span_duration_seconds_count{{{chosen}}}", window))
    within = total(by, rate(f'mcp_span_duration_seconds_bucket{{{chosen}, le="{budget.limit_s:g}"}}', window))
    return ratio(f"({every} - {within})", every)


def _row(budget: Budget) -> Row:
    return Row(
        f"{budget.name}: {budget.limit_s * 1000:g} ms",
        (
            stat(
                "Slow",
                "Share of operations over the budget, in the whole time range.",
                "percentunit",
                Query(_slow(budget, (), "$__range")),
            ),
            stat(
                "Budget left",
                f"Of the {ALLOWED:.0%} that may be slow in the time range. Below 0 it is overspent.",
                "percentunit",
                Query(f"1 - {_slow(budget, (), '$__range')} / {ALLOWED:g}"),
                red_below=0,
            ),
            timeseries(
                "Slow, by operation",
                f"Share of operations that took more than {budget.limit_s * 1000:g} ms.",
                "percentunit",
                Query(
                    _slow(budget, _OPERATION, "$__rate_interval"),
                    "{{service_name}} {{mcp_method_name}} {{gen_ai_tool_name}}",
                ),
                limit=ALLOWED,
            ),
            timeseries(
                "Burn rate",
                "1 uses up exactly the budget of any time range; 14.4 that of thirty days in two.",
                "short",
                *(
                    Query(
                        f"{_slow(budget, ('service_name',), window)} / {ALLOWED:g}",
                        f"{{{{service_name}}}} over {window}",
                    )
                    for window in _WINDOWS
                ),
                limit=1,
            ),
        ),
    )


BURN: Final = Dashboard(
    "budgets",
    "Latency budgets",
    "How much of each class of operations is slower than its budget, and how fast that uses the budget up.",
    (
        choice("side", (("server", "SPAN_KIND_SERVER"), ("client", "SPAN_KIND_CLIENT"))),
        label_variable("service", 'mcp_span_calls_total{span_kind="$side", mcp_method_name!=""}', "service_name"),
        label_variable(
            "tool",
            'mcp_span_calls_total{span_kind="$side", service_name=~"$service"}',
            "gen_ai_tool_name",
            everything=".*",
        ),
    ),
    [_row(budget) for budget in LATENCY_BUDGETS],
)
