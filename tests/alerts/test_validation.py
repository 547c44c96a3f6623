"""Alerts that cannot be had, and what is said of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.manager import AlertManager
from groundhog_otel.alerts.model import AlertConfig, Intervals

GOOD = AlertConfig("Slow", "mcp.span.duration", window="1h", severity="page", threshold="50ms")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metric": "mcp.span.durations"}, "unknown metric 'mcp.span.durations': mcp.span.duration"),
        ({"metric": "mcp_span_calls_total"}, "unknown metric 'mcp_span_calls_total': mcp.span.calls?"),
        (
            {"threshold": "55ms"},
            "no bucket of mcp.span.duration ends at 55ms: its nearest boundaries are 40ms, 50ms, 60ms",
        ),
        (
            {"metric": "mcp.server.operation.duration", "threshold": "16ms"},
            "its nearest boundaries are 5ms|10ms, 20ms, 50ms or 100ms, or metric: mcp.span.duration",
        ),
        (
            {"threshold": "500MB"},
            "500MB is in the wrong unit for the latency of .*: write one like 50ms",
        ),
        ({"threshold": "0.05"}, "the wrong unit"),
        ({"threshold": "0ms"}, "a threshold must be above 0: write one like 50ms"),
        ({"threshold": "fast"}, "'fast' is no quantity"),
        ({"threshold": "", "measure": "latency"}, "there is no threshold: write one like 50ms"),
        (
            {"window": "1m"},
            "its short window, holds less than two of the .* every 5s: write 2m or more",
        ),
        (
            {"metric": "mcp.server.operation.duration", "window": "20m"},
            "come every 1m: write 24m or more",
        ),
        ({"window": "5MB"}, "'5MB' is no window of time: write one like 5m"),
        ({"severity": "panic"}, "unknown severity 'panic': write page, ticket, warning or info"),
        ({"methods": "commands"}, "unknown class of methods 'commands': write command, protocol, ui or background"),
        ({"by": "tool", "methods": "ui"}, "only tools/call has tools"),
        ({"where": {"tool": "x"}}, "mcp.span.duration has no attribute 'tool': write span.name"),
        ({"where": {"gen_ai.tool.name": "a{{b}}"}}, "'a{{b}}' has {{, which Prometheus' templates are made of"),
        ({"objective": "90%"}, "14.4 times too many is more than all: write 93.2% or more"),
        ({"objective": "100%"}, "'100%' is no objective"),
        ({"name": "Mcp slow"}, "'Mcp slow' is no name of an alert"),
        ({"measure": "level"}, "level is of a gauge, and mcp.span.duration is a histogram"),
        ({"measure": "p98"}, "unknown measure 'p98': write latency, p99, errors"),
        ({"metric": "process.memory.usage", "threshold": "30%"}, "30% is in the wrong unit .*: write one like 500MB"),
        ({"metric": "groundhog.mcp.io", "threshold": "5MB"}, "5MB is in the wrong unit .*: write one like 50MB/s"),
        ({"metric": "mcp.span.calls", "threshold": "100%"}, "more than all cannot fail"),
        ({"metric": "process.cpu.time", "threshold": "5%"}, "process.cpu.time does not tell errors"),
        ({"measure": "absence"}, "absence has no threshold: leave it out"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_one_line(change: dict[str, Any], said: str) -> None:
    manager = AlertManager()
    with pytest.raises(AlertError, match=said) as caught:
        manager.configure_alert(replace(GOOD, **change))
    assert "\n" not in str(caught.value)
    assert manager.alerts == ()


def test_the_name_that_is_taken() -> None:
    manager = AlertManager()
    manager.configure_alert(GOOD)
    with pytest.raises(AlertError, match="two alerts Slow: give this one another name"):
        manager.configure_alert(GOOD)


def test_everything_is_said_at_once() -> None:
    with pytest.raises(AlertError, match=r"wrong unit.*; .*short window.*") as caught:
        AlertManager().configure_alert(replace(GOOD, threshold="5MB", window="30s", severity="x"))
    assert "unknown severity" in str(caught.value)


def test_a_longer_interval_needs_a_longer_window() -> None:
    with pytest.raises(AlertError, match="write 6m or more"):
        AlertManager(intervals=Intervals(scrape_s=15)).configure_alert(replace(GOOD, window="5m"))


@pytest.mark.parametrize(
    ("change", "measure", "limit", "min_count"),
    [
        ({}, "latency", 0.144, 70),
        ({"severity": "ticket"}, "latency", 0.06, 167),
        ({"objective": "99.9%"}, "latency", 0.0144, 695),
        ({"threshold": "5%"}, "errors", 0.05, 200),
        ({"metric": "process.memory.usage", "threshold": "500MB"}, "level", 5e8, 0),
        ({"metric": "groundhog.mcp.io", "threshold": "50MB/s"}, "rate", 5e7, 0),
        ({"metric": "mcp.span.calls", "threshold": ""}, "absence", 0, 0),
        ({"metric": "process.thread.count", "threshold": "100"}, "level", 100, 0),
        ({"min_count": 7}, "latency", 0.144, 7),
    ],
    ids=str,
)
def test_what_is_implied(change: dict[str, Any], measure: str, limit: float, min_count: int) -> None:
    alert = AlertManager().configure_alert(replace(GOOD, **change))
    assert (alert.measure, alert.limit, alert.min_count) == (measure, limit, min_count)


_FILE = """\
intervals: { scrape: 5s, exports: 60s }
notifications:
  receivers:
    - { name: team, slack: { channel: "#x", api_url: https://hooks.example.com/secret } }
alerts:
  - { name: A, metric: mcp.span.duration, threshold: 50ms, window: 1h, severity: page }
  - name: A
    metric: mcp.span.duration
    threshold: 51ms
    window: 10s
    severity: page
  - { name: B, metric: mcp.span.duration, windw: 1h, severity: page }
  - nothing
"""


def test_a_files_problems_come_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(_FILE)
    manager, problems = AlertManager.from_file(file)
    assert [alert.name for alert in manager.alerts] == ["A"]
    said = [str(one).removeprefix(f"{file}:") for one in problems]
    for expected in (
        "1: intervals has no field 'exports': export?",
        "4: slack.api_url is a secret: write { file: /path/to/it } or { env: NAME_OF_A_VARIABLE }",
        "7: A: there are two alerts A: give this one another name",
        "9: A: no bucket of mcp.span.duration ends at 51ms",
        "10: A: a twelfth of 10s",
        "12: an alert has no field 'windw': window?",
        "13: an alert is not made of fields",
    ):
        assert [one for one in said if one.startswith(expected)], (expected, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [("alerts: [", "1: this is no YAML"), ("", "1: the file is empty"), ("- a", "1: the file is not made")],
)
def test_what_is_no_such_file(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(text)
    try:
        _, problems = AlertManager.from_file(file)
        found = str(problems[0])
    except AlertError as error:
        found = str(error)
    assert found.startswith(f"{file}:{said}")
    with pytest.raises(AlertError, match="cannot be read"):
        AlertManager.from_file(tmp_path / "none.yaml")
