"""The committed files are what deploy/alerts.yaml gives, and that is what the budgets say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.manager import COLLECTOR, AlertManager
from groundhog_otel.alerts.model import Alert, AlertConfig
from groundhog_otel.alerts.rules import expressions
from groundhog_otel.alerts.sampling import BEGIN, limits, rewritten
from groundhog_otel.alerts.selection import matchers
from groundhog_otel.budgets import LATENCY_BUDGETS, PROCESS_LIMITS, Budget, budget_for
from groundhog_otel.mcp.names import METHODS
from groundhog_otel.pipeline.layout import find_project

ROOT = find_project()
FILE = ROOT / "deploy" / "alerts.yaml"
CONFIG = (ROOT / COLLECTOR).read_text("utf-8")


def _default() -> AlertManager:
    manager, problems = AlertManager.from_file(FILE)
    assert problems == []
    return manager


ALERTS = {alert.name: alert for alert in _default().alerts}


def _alert(name: str, metric: str = "mcp.span.duration", **rest: Any) -> Alert:
    return AlertManager().configure_alert(AlertConfig(name, metric, **{"window": "1h", "severity": "page", **rest}))


def test_the_committed_files_are_what_the_alerts_give() -> None:
    for path, text in _default().generated(CONFIG).items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path}: run groundhog alerts generate"


@pytest.mark.parametrize("budget", LATENCY_BUDGETS, ids=lambda one: one.name)
def test_the_default_latencies_are_the_budgets(budget: Budget) -> None:
    own = [one for one in ALERTS.values() if one.measure == "latency" and one.methods == budget.name]
    assert {one.severity for one in own} == {"page", "ticket"}
    assert {one.threshold for one in own} == {budget.limit_s}
    assert {one.allowed for one in own} == {0.01}  # a budget is met when the 99th percentile is within it
    tools = [one for one in ALERTS.values() if one.by == "tool" and one.measure in ("latency", "p99")]
    assert {one.threshold for one in tools} == {budget_for("tools/call").limit_s}


def test_the_default_limits_of_processes_are_the_budgets() -> None:
    of_processes = [one for one in ALERTS.values() if one.measure in ("level", "rate") and one.metric.source == "sdk"]
    found = {one.metric.name: one.threshold for one in of_processes}
    assert found == {
        "process.memory.usage": PROCESS_LIMITS.memory_bytes,
        "process.cpu.utilization": PROCESS_LIMITS.cpu_share,
        "groundhog.mcp.io": PROCESS_LIMITS.network_bytes_per_s,
        "groundhog.folder.usage": PROCESS_LIMITS.disk_bytes,
    }


def test_the_queue_alert_fires_before_the_queue_is_full() -> None:
    config = (ROOT / "otel-config.yaml").read_text("utf-8")
    room = int(config.partition("GROUNDHOG_QUEUE_BYTES:-")[2].partition("}")[0])
    assert room / 2 < ALERTS["CollectorQueueFilling"].threshold < room * 0.8


def _meets(method: str, matcher: str) -> bool:
    name, operator, value = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher).groups()  # type: ignore[union-attr]
    if name != "mcp_method_name":
        return True
    if operator in ("=~", "!~"):
        return (re.fullmatch(value, method) is not None) == (operator == "=~")
    return (method == value) == (operator == "=")


@pytest.mark.parametrize("method", [*METHODS, "x/custom", "x/tools/call", ""])
def test_every_method_is_in_its_budgets_class_and_in_no_other(method: str) -> None:
    for budget in LATENCY_BUDGETS:
        found = all(_meets(method, one) for one in matchers(ALERTS[f"Mcp{budget.name.capitalize()}LatencyPage"]))
        assert found == (method != "" and budget_for(method) is budget)


def test_what_is_kept_follows_the_lowest_threshold() -> None:
    strict = _alert("A", methods="command", threshold="20ms")
    lax = _alert("B", methods="command", threshold="100ms")
    every = _alert("C", threshold="150ms")
    assert limits([]) == {budget.name: budget.limit_s for budget in LATENCY_BUDGETS}
    assert limits([strict, lax])["command"] == 0.02
    assert limits([lax]) == {"command": 0.1, "protocol": 0.1, "ui": 0.016, "background": 0.5}
    assert limits([every]) == dict.fromkeys(("command", "protocol", "ui", "background"), 0.15)
    assert limits([_alert("D", by="tool", threshold="10ms")])["command"] == 0.01
    assert "> 20000000" in rewritten(CONFIG, [strict])
    assert rewritten(rewritten(CONFIG, [strict]), ALERTS.values()) == CONFIG


def test_nothing_but_the_conditions_is_touched() -> None:
    before, after = yaml.safe_load(CONFIG), yaml.safe_load(rewritten(CONFIG, [_alert("A", threshold="20ms")]))
    assert before != after
    for config in (before, after):
        policies = config["processors"]["tail_sampling"]["policies"]
        (found,) = [one for one in policies if one["name"] == "over-budget"]
        found["ottl_condition"]["span"] = None
    assert before == after
    with pytest.raises(AlertError, match="put the lines"):
        rewritten(CONFIG.replace(BEGIN, "#"), [])


def test_the_alert_of_the_demonstration() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/mcp-latency.yml").read_text("utf-8"))
    (alert,) = [rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == "McpToolCallSlow"]
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"].keys() >= {"summary", "traces", "traces_json", "exemplars", "measured", "budget"}


def test_the_numbers_of_a_page() -> None:
    recorded, condition = expressions(ALERTS["McpToolLatencyPage"])
    assert all('le="0.05"' in expr for expr in recorded.values())
    assert condition.count("> 0.144") == 2
    assert ">= 70" in condition


def test_where_selects_series() -> None:
    alert = _alert("A", by="tool", threshold="50ms", where={"gen_ai.tool.name": 'say "x"'})
    assert 'gen_ai_tool_name="say \\"x\\""' in expressions(alert)[1]
    client = _alert("B", threshold="50ms", where={"span.kind": "SPAN_KIND_CLIENT"})
    assert matchers(client) == ('mcp_method_name!=""', 'span_kind="SPAN_KIND_CLIENT"')


_RECEIVERS = """\
notifications:
  repeat_interval: 1h
  receivers:
    - { name: all, webhook: { env: HOOK } }
    - name: on-call
      severities: [page]
      slack: { channel: "#x", api_url: { file: /run/secrets/slack } }
      email: { to: a@example.com, from: b@example.com, smarthost: "m:587", username: u, password: { env: MAIL } }
"""


def test_receivers_and_their_secrets(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(_RECEIVERS)
    manager, problems = AlertManager.from_file(file)
    assert problems == []
    made = yaml.safe_load(manager.generated(CONFIG)["deploy/alertmanager/alertmanager.yml"])
    receivers = {one["name"]: one for one in made["receivers"]}
    assert receivers["all"]["webhook_configs"][0]["url_file"] == "secrets/HOOK"
    assert receivers["on-call"]["slack_configs"][0]["api_url_file"] == "/run/secrets/slack"
    (email,) = receivers["on-call"]["email_configs"]
    assert email.items() >= {"auth_password_file": "secrets/MAIL", "auth_username": "u"}.items()
    assert [one["matchers"] for one in made["route"]["routes"]] == [
        ['severity=~"page|ticket|warning|info"'],
        ['severity=~"page"'],
    ]
    (inhibition,) = made["inhibit_rules"]
    assert inhibition["source_matchers"] == ['severity="page"']
    assert inhibition["target_matchers"] == ['severity="ticket"']
    page, ticket = ALERTS["McpToolLatencyPage"], ALERTS["McpToolLatencyTicket"]
    assert (page.metric, page.methods, page.by) == (ticket.metric, ticket.methods, ticket.by)


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ("{ name: a, webhook: 'https://user:secret@example.com/' }", "an address with a secret"),
        ("{ name: a, webhook: 'https://example.com/?token=1' }", "an address with a secret"),
        ("{ name: a, webhook: example.com }", "is no web address"),
        ("{ name: a, email: { to: x, from: y, smarthost: z, password: p } }", "email.password is a secret"),
        ("{ name: a, slack: { channel: x } }", "slack needs api_url"),
        ("{ name: a, pager: x }", "a receiver has no 'pager'"),
        ("{ webhook: 'http://x/' }", "a receiver has no name"),
        ("{ name: a, severities: [high], webhook: 'http://x/' }", "unknown severity 'high'"),
        ("{ name: a }", "a is told nothing"),
    ],
)
def test_receivers_that_cannot_be(tmp_path: Path, receiver: str, said: str) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(f"notifications:\n  receivers:\n    - {receiver}\n")
    _, problems = AlertManager.from_file(file)
    assert [one.line for one in problems] == [3]
    assert said in problems[0].message
    assert "token=1" not in problems[0].message
