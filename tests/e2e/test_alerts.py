"""What is generated, put to the programs that it is for; and proofs that can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from opentelemetry.trace import Span

from groundhog_otel.alerts.annotations import notes
from groundhog_otel.alerts.manager import AlertManager
from groundhog_otel.alerts.values import Rendered
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import ENV_CACHE_DIR, StackSettings
from tests.e2e.conftest import RunningStack, eventually, get, say
from tests.e2e.test_sampling import _send, _tracer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
ROOT = find_project()
ALL_AGREE = 4

OWN = """\
intervals: { scrape: 10s }
notifications:
  receivers:
    - { name: all, webhook: { env: HOOK } }
    - name: on-call
      severities: [page]
      slack: { channel: "#x", api_url: { file: /run/secrets/slack } }
      email: { to: a@example.com, from: b@example.com, smarthost: "m.example.com:587" }
alerts:
  - { name: Fast, metric: mcp.span.duration, threshold: 75ms, window: 4m, objective: 95%, severity: page }
  - { name: OneTool, metric: mcp.span.duration, by: tool, threshold: 2500ms, window: 30m, severity: ticket,
      where: { gen_ai.tool.name: big_report } }
  - { name: Own, metric: mcp.server.operation.duration, methods: ui, threshold: 20ms, window: 24m, severity: info }
  - { name: Ended, metric: mcp.client.session.duration, threshold: 5m, window: 1h, severity: ticket }
  - { name: Lag, metric: groundhog.event_loop.lag, measure: p99, threshold: 100ms, window: 5m, severity: ticket }
  - { name: Sessions, metric: mcp.server.session.duration, measure: p99, threshold: 2m, window: 5m, severity: info }
  - { name: Errors, metric: mcp.server.operation.duration, threshold: 12.5%, window: 30m, severity: page }
  - { name: HostMemory, metric: system.memory.utilization, threshold: 90%, window: 10m, severity: page,
      where: { system.memory.state: used } }
  - { name: Threads, metric: process.thread.count, threshold: "200", window: 10m, severity: info }
  - { name: Faults, metric: process.paging.faults, threshold: "1000", window: 10m, severity: info }
  - { name: Queue, metric: otelcol_exporter_queue_size, threshold: "1000", window: 5m, severity: page }
  - { name: Silence, metric: process.uptime, measure: absence, window: 10m, severity: warning }
"""


def _groundhog(settings: StackSettings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GROUNDHOG, "alerts", *words],
        env={**os.environ, ENV_CACHE_DIR: str(settings.cache)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture
def promtool(settings: StackSettings) -> Path:
    return Stack(settings, say=say).build()["promtool"]


def test_everything_made_of_the_default_alerts_is_accepted_and_proved(settings: StackSettings, promtool: Path) -> None:
    done = _groundhog(settings, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.rsplit(": ", 1)[1] for line in done.stdout.splitlines()] == ["yes"] * ALL_AGREE


def test_everything_made_of_a_users_own_alerts_too(settings: StackSettings, promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(OWN)
    done = _groundhog(settings, "test", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": yes\n") == ALL_AGREE


@pytest.mark.parametrize(
    ("old", "new"),
    [('le="0.075"', 'le="0.1"'), ("> 0.72", "> 0.95"), ("> 0.72", "> 0.01"), (">= 14", ">= 1"), ("> 1000", "> 10000")],
    ids=["another boundary", "too high", "too low", "no guard", "another limit"],
)
def test_a_rule_that_is_not_as_generated_fails_its_proof(
    settings: StackSettings, promtool: Path, tmp_path: Path, old: str, new: str
) -> None:
    file, out = tmp_path / "alerts.yaml", tmp_path / "out"
    wanted = ("name: Fast", "name: Queue")
    kept = [line for line in OWN.splitlines(keepends=True) if not line.startswith(("  - { name", "      where"))]
    kept += [line for line in OWN.splitlines(keepends=True) if any(one in line for one in wanted)]
    file.write_text("".join(kept))
    assert _groundhog(settings, "generate", str(file), "--out", str(out)).returncode == 0
    folder = out / "deploy" / "prometheus"

    def proved() -> bool:
        command = [str(promtool), "test", "rules", "rules-test.yml"]
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False).returncode == 0

    assert proved()
    changed = 0
    for rules in (folder / "rules").glob("*.yml"):
        text = rules.read_text("utf-8")
        changed += text.count(old)
        rules.write_text(text.replace(old, new), "utf-8")
    assert changed
    assert not proved()


def test_what_is_not_built_is_said(settings: StackSettings, tmp_path: Path) -> None:
    done = _groundhog(settings._replace(cache=tmp_path), "test")
    assert done.returncode == 1
    assert done.stdout.count("is not built: groundhog stack build") == ALL_AGREE


def test_every_alert_has_its_proofs() -> None:
    tests = yaml.safe_load((ROOT / "deploy/prometheus/rules-test.yml").read_text("utf-8"))["tests"]
    looks = [look for test in tests for look in test["alert_rule_test"]]
    for file in (ROOT / "deploy/prometheus/rules").glob("mcp-*.yml"):
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                own = [bool(look["exp_alerts"]) for look in looks if look["alertname"] == rule.get("alert")]
                assert "alert" not in rule or {True, False} <= set(own), rule


def test_the_links_lead_to_the_slow_traces_and_to_all_stored_ones_for_errors(running_stack: RunningStack) -> None:
    service = "links & more"
    with _tracer(running_stack, service) as (tracer, _):
        failed = {_id(_send(tracer, "tools/list", 1_000_000, error="tool_error")) for _ in range(3)}
        slow = {_id(_send(tracer, "prompts/get", 80_000_000)) for _ in range(4)}
    manager, _ = AlertManager.from_file(ROOT / "deploy" / "alerts.yaml")
    alerts = {alert.name: alert for alert in manager.alerts}
    values = Rendered({"service_name": service}, 1.0, f"http://127.0.0.1:{running_stack.ports['jaeger_query']}")
    for name, expected in (("McpErrors", failed | slow), ("McpCommandLatencyPage", slow)):
        link = notes(alerts[name], values)["traces_json"]

        def found(link: str = link, expected: set[str] = expected) -> bool:
            return {trace["traceID"] for trace in get(link)["data"] or []} == expected

        eventually(found, within_s=30, what=f"the traces of {name}")


def _id(span: Span) -> str:
    return f"{span.get_span_context().trace_id:032x}"
