"""The expressions: their metrics exist, their budgets are bucket boundaries, their classes are those of the budgets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundhog_otel import catalogue
from groundhog_otel.budgets import BACKGROUND, COMMAND, LATENCY_BUDGETS, PROTOCOL, UI, Budget, budget_for
from groundhog_otel.dashboards.burn import METHODS
from tests.dashboards.expressions import FILES, ROOT, Expression, expressions, load, metrics_in

EVERY = [expression for file in FILES for expression in expressions(file)]
BY_NAME = {one.prometheus: one for one in catalogue.METRICS.values()}
OF_EVERY_TARGET = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
"""Prometheus makes them for whatever it scrapes."""

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


def _metric(series: str) -> catalogue.Metric | None:
    """Return the metric that a series is of: a histogram's has three names, the others have their own."""
    stem = re.fullmatch(r"(\w+)_(?:bucket|count|sum)", series)
    histogram = BY_NAME.get(stem[1]) if stem is not None else None
    if histogram is not None and histogram.kind == "histogram":
        return histogram
    found = BY_NAME.get(series)
    return found if found is not None and found.kind != "histogram" else None


@pytest.mark.parametrize("expression", EVERY, ids=str)
def test_every_metric_is_in_the_catalogue_and_has_the_labels_that_are_asked_for(expression: Expression) -> None:
    names = metrics_in(expression.promql) - OF_EVERY_TARGET
    asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression.promql))
    asked |= {one.strip() for group in re.findall(r"by \(([^)]*)\)", expression.promql) for one in group.split(",")}
    for name in names:
        metric = _metric(name)
        assert metric is not None, f"{name} is not in the catalogue; like it: {catalogue.nearest(name)}"
        known = {metric.service, "instance", *map(catalogue.label, metric.attributes)}
        if name.endswith("_bucket"):
            known.add("le")
        elif "_bucket{" in expression.promql:
            asked.discard("le")  # the share within a budget is a bucket's, that of all a count's
        assert asked <= known, (name, asked - known)


def test_a_metric_that_does_not_exist_is_found_out() -> None:
    assert _metric("mcp_span_duration_seconds_bucket") is catalogue.METRICS["mcp.span.duration"]
    assert _metric("mcp_span_duration_seconds") is None, "a classic histogram has no series of its bare name"
    assert _metric("mcp_span_calls_total_bucket") is None
    assert _metric("mcp_span_calls") is None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_variables_metrics_are_in_the_catalogue(file: Path) -> None:
    for variable in load(file)["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert found is not None
            (name,) = metrics_in(found[1])
            metric = _metric(name)
            assert metric is not None, name
            assert found[2] in {metric.service, "instance", *map(catalogue.label, metric.attributes)}


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
    matchers = re.findall(r'mcp_method_name(=~|!~|!=)"([^"]*)"', METHODS[budget.name])
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
