"""The budget table, the sampling policies, the buckets and the alert rule: one number each, everywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from groundhog_otel.budgets import BACKGROUND, COMMAND, LATENCY_BUDGETS, Budget, budget_for
from groundhog_otel.mcp.names import METHODS
from groundhog_otel.pipeline.layout import find_project

ROOT = find_project()
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "otel-config.yaml").read_text())
_SECONDS = {"ms": 0.001, "s": 1.0}


def _conditions() -> list[str]:
    policies = CONFIG["processors"]["tail_sampling"]["policies"]
    (over_budget,) = [policy for policy in policies if policy["name"] == "over-budget"]
    return [condition for condition in over_budget["ottl_condition"]["span"] if "_unix_nano" in condition]


def _matches(condition: str, method: str | None) -> bool:
    """Evaluate the part of an OTTL condition that is about the method."""
    about_method = condition.split(" and ", maxsplit=1)[1]
    if about_method.startswith('attributes["mcp.method.name"] == nil'):
        return method is None
    if method is None:
        return False
    pattern = re.search(r'IsMatch\(attributes\["mcp.method.name"\], "(.*)"\)', about_method)
    assert pattern is not None
    found = re.search(pattern[1], method) is not None
    return not found if "not IsMatch" in about_method else found


def _limit_s(condition: str) -> float:
    limit = re.search(r"> (\d+) and ", condition)
    assert limit is not None
    return int(limit[1]) / 1e9


@pytest.mark.parametrize("method", [*METHODS, "x/custom"])
def test_every_method_has_one_policy_and_it_keeps_what_is_over_its_budget(method: str) -> None:
    (condition,) = [condition for condition in _conditions() if _matches(condition, method)]
    assert _limit_s(condition) == budget_for(method).limit_s


def test_what_is_not_an_mcp_operation_is_kept_by_the_background_budget() -> None:
    (condition,) = [condition for condition in _conditions() if _matches(condition, None)]
    assert _limit_s(condition) == BACKGROUND.limit_s


def _buckets(name: str) -> list[float]:
    found = []
    for text in CONFIG["connectors"][name]["histogram"]["explicit"]["buckets"]:
        parts = re.fullmatch(r"(\d+)(ms|s)", text)
        assert parts is not None
        found.append(round(int(parts[1]) * _SECONDS[parts[2]], 6))
    return found


@pytest.mark.parametrize("connector", ["span_metrics/all", "span_metrics/kept"])
@pytest.mark.parametrize("budget", LATENCY_BUDGETS, ids=lambda budget: str(budget.name))
def test_every_budget_is_a_bucket_boundary(connector: str, budget: Budget) -> None:
    assert budget.limit_s in _buckets(connector)


def test_exemplars_come_from_kept_traces_only() -> None:
    assert CONFIG["connectors"]["span_metrics/all"]["exemplars"]["enabled"] is False
    assert CONFIG["connectors"]["span_metrics/kept"]["exemplars"]["enabled"] is True
    sampled = CONFIG["service"]["pipelines"]["traces/sampling"]
    assert "tail_sampling" in sampled["processors"]
    assert "span_metrics/kept" in sampled["exporters"]
    assert "span_metrics/all" in CONFIG["service"]["pipelines"]["traces/in"]["exporters"]


def test_the_alert_has_the_same_threshold() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/mcp-latency.yml").read_text())
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    (alert,) = [rule for rule in every if rule.get("alert") == "McpToolCallSlow"]
    threshold = re.search(r"p99:1m > ([\d.]+)\n", alert["expr"])
    assert threshold is not None
    assert float(threshold[1]) == COMMAND.limit_s
    milliseconds = f"{COMMAND.limit_s * 1000:.0f}ms"
    assert f"its budget is {milliseconds}" in alert["annotations"]["summary"]
    for link in ("traces", "traces_json"):
        assert f"minDuration={milliseconds}&" in alert["annotations"][link]


def test_receivers_listen_on_loopback_by_default() -> None:
    text = (ROOT / "otel-config.yaml").read_text()
    defaults = re.findall(r"\$\{env:GROUNDHOG_\w+:-([\d.]+):\d+\}", text)
    assert len(defaults) == 7
    assert set(defaults) == {"127.0.0.1"}
