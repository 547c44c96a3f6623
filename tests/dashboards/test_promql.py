"""The expressions: their metrics exist, their budgets are bucket boundaries, their classes are those of the budgets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundhog_otel.budgets import BACKGROUND, COMMAND, LATENCY_BUDGETS, PROTOCOL, UI, Budget, budget_for
from groundhog_otel.dashboards.burn import METHODS
from tests.dashboards.expressions import FILES, ROOT, expressions, load, metrics_in

METHODS_OF = {
    COMMAND: ("tools/call", "prompts/get", "resources/read", "completion/complete"),
    PROTOCOL: (
        "initialize",
        "ping",
        "tools/list",
        "notifications/initialized",
        "notifications/cancelled",
        "x/tools/call",
    ),
    UI: (
        "notifications/progress",
        "notifications/message",
        "notifications/resources/updated",
        "notifications/tools/list_changed",
    ),
    BACKGROUND: ("tasks/get", "tasks/result"),
}


def test_names_are_found_in_expressions() -> None:
    assert metrics_in('sum by (le, job) (rate(a_bucket{x="b{}", y=~"c|d"}[$__range])) or 0 * sum(e:f) < 1') == {
        "a_bucket",
        "e:f",
    }
    assert metrics_in("histogram_quantile(0.99, sum(rate(a[5m]))) / b_total") == {"a", "b_total"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_variables_in_expressions_are_defined(file: Path) -> None:
    known = {variable["name"] for variable in load(file)["templating"]["list"]} | {"__rate_interval", "__range"}
    for expression in expressions(file):
        assert set(re.findall(r"\$(\w+)", expression.promql)) <= known, expression


def _meets(value: str, operator: str, pattern: str) -> bool:
    """Match as Prometheus does: a pattern is for the whole value."""
    if operator == "!=":
        return value != pattern
    return (re.fullmatch(pattern, value) is not None) == (operator == "=~")


@pytest.mark.parametrize("budget", LATENCY_BUDGETS, ids=lambda budget: budget.name)
def test_the_class_of_a_method_is_that_of_its_budget(budget: Budget) -> None:
    matchers = re.findall(r'mcp_method_name(=~|!~|!=)"([^"]*)"', METHODS[budget])
    for expected, methods in METHODS_OF.items():
        for method in methods:
            assert budget_for(method) is expected
            met = [_meets(method, operator, pattern) for operator, pattern in matchers]
            assert all(met) == (budget is expected), method


def test_every_budget_is_a_boundary_of_the_buckets() -> None:
    recorded = (ROOT / "deploy" / "prometheus" / "rules" / "jaeger-monitor.yml").read_text("utf-8")
    boundaries = set(re.findall(r'\{le="([^"]+)"\}', recorded))
    used = {
        boundary
        for expression in expressions(ROOT / "deploy" / "grafana" / "dashboards" / "budgets.json")
        for boundary in re.findall(r'le="([^"]+)"', expression.promql)
    }
    assert used == {f"{budget.limit_s:g}" for budget in LATENCY_BUDGETS}
    assert used <= boundaries
