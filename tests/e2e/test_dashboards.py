"""The dashboards and Jaeger's Monitor tab, asked of the running stack after traffic of a real MCP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.dashboards.expressions import FILES, Expression, expressions, metrics_in
from tests.e2e.busy_client import FAILING, ROUNDS
from tests.e2e.conftest import RunningStack, eventually, say

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

BIN = Path(sys.executable).parent
CLIENT, SERVER = "dashboards-client", "dashboards-server"
EVERY = [expression for file in FILES for expression in expressions(file)]
WINDOWS = {"__rate_interval": "30s", "__range": "15m"}
CHOSEN = {**WINDOWS, "side": "SPAN_KIND_SERVER", "service": SERVER, "method": ".+", "tool": ".*", "instance": ".+"}
MAY_BE_EMPTY = {
    "mcp: Under way (A)": "there once a request is under way while metrics are collected",
    "saturation: Requests in flight (A)": "likewise",
    "saturation: Blocked, by the operation to blame (A)": "nothing blocks the loop",
    "saturation: Wait for a thread, p99 (A)": "this server uses no worker threads",
    "saturation: Disk (A)": "not every machine shows its disks",
    "pipeline: Refused for want of memory (A)": "absent until it happens",
    "pipeline: Refused for want of memory (B)": "absent until it happens",
    "pipeline: Spans (B)": "absent until it happens, where it is of the exporter",
    "pipeline: Spans (C)": "absent until it happens, where it is of the exporter",
}


def _may_be_empty(expression: Expression) -> bool:
    # The server has no operations of these two classes; exemplar queries are meant to return no sample.
    other_class = 'le="0.016"' in expression.promql or 'le="0.5"' in expression.promql
    return expression.exemplars or other_class or str(expression) in MAY_BE_EMPTY


@pytest.fixture(scope="module")
def busy(running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    """The stack after some seconds of traffic, of a client and a server that are both instrumented."""
    instrument = str(BIN / "opentelemetry-instrument")
    program = str(Path(__file__).with_name("busy_client.py"))
    folder = tmp_path_factory.mktemp("watched-folder")
    (folder / "file").write_bytes(b"x" * 100_000)
    done = subprocess.run(
        [instrument, sys.executable, program, instrument, str(BIN / "mcp-server-time")],
        env={
            **os.environ,
            "OTEL_SERVICE_NAME": CLIENT,
            "SERVER_NAME": SERVER,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_PYTHON_GROUNDHOG_RESOURCES": "process,system",
            "OTEL_PYTHON_GROUNDHOG_FOLDERS": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(FAILING)
    return running_stack


def test_promtool_parses_every_expression(settings: StackSettings, tmp_path: Path) -> None:
    rules = [{"record": f"dashboards:number_{at}", "expr": one.filled(CHOSEN)} for at, one in enumerate(EVERY)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}), "utf-8")
    promtool = Stack(settings, say=say).build()["promtool"]
    done = subprocess.run(
        [promtool, "check", "rules", "--lint=none", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EVERY)} rules found" in done.stdout


def test_the_names_found_in_expressions_are_those_that_prometheus_finds(running_stack: RunningStack) -> None:
    """What the unit tests compare with the catalogue is taken from the text; here, from Prometheus' own parser."""
    for one in EVERY:
        tree = running_stack._get("prometheus", "/api/v1/parse_query", query=one.filled(CHOSEN))["data"]
        assert set(_selected(tree)) == metrics_in(one.promql), one


def _selected(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for child in node for name in _selected(child)]
    if not isinstance(node, Mapping):
        return []
    own = [str(node["name"])] if node.get("type") in ("vectorSelector", "matrixSelector") else []
    return own + _selected(list(node.values()))


def test_every_expression_has_data(busy: RunningStack) -> None:
    left = [one for one in EVERY if not _may_be_empty(one)]
    assert len(left) > len(EVERY) / 2

    def all_have() -> bool:
        left[:] = [one for one in left if not busy.query(one.filled(CHOSEN))]
        return not left

    deadline = time.monotonic() + 45
    while not all_have() and time.monotonic() < deadline:
        time.sleep(1)
    assert not left, [str(one) for one in left]


def test_the_mcp_dashboard_counts_what_was_done(busy: RunningStack) -> None:
    """By values, not only by presence: calls, their share of errors, and the error's type."""
    of = {str(one): one.filled(CHOSEN) for one in EVERY}

    def calls() -> dict[tuple[str, str], float]:
        found = busy.query(of["mcp: Every operation (A)"])
        return {(one.get("mcp_method_name", ""), one.get("gen_ai_tool_name", "")): value for one, value in found}

    tool = ("tools/call", "get_current_time")
    # increase() extrapolates to the ends of its window, which the series do not fill.
    eventually(lambda: 0.8 * ROUNDS < calls().get(tool, 0) < 1.3 * ROUNDS, within_s=20, what="calls counted")
    errors = {one.get("gen_ai_tool_name", ""): value for one, value in busy.query(of["mcp: Every operation (B)"])}
    assert errors["get_current_time"] == pytest.approx(FAILING / ROUNDS, rel=0.3)
    assert errors[""] == 0, "operations without errors are 0, not absent"
    (by_type,) = busy.query(of["mcp: Errors by type (A)"])
    assert by_type[0]["error_type"] == "tool_error"


def test_the_dots_are_stored_traces(busy: RunningStack) -> None:
    dotted = [one for one in EVERY if one.exemplars]
    assert {one.panel for one in dotted} == {"Duration", "Duration, all that is chosen"}
    for one in dotted:
        promql = one.filled(CHOSEN)
        assert busy.query(promql) == [], "its samples are biased and must not be drawn"
        # Errors are always kept; of those that come between two scrapes a bucket shows one.
        found = eventually(partial(busy.exemplars, promql), within_s=30, what="exemplars")
        for trace_id, _ in found:
            eventually(partial(busy.trace, trace_id), within_s=20, what=f"trace {trace_id} in Jaeger")


def _monitor(stack: RunningStack, what: str, service: str = SERVER, **query: object) -> dict[tuple[str, ...], float]:
    """Ask as the Monitor tab asks; return the last value by the labels' values."""
    every_minute = {"lookback": 120_000, "step": 1000, "ratePer": 60_000, "endTs": int(time.time() * 1000)}
    answer = stack._get("jaeger_query", f"/api/metrics/{what}", service=service, **every_minute, **query)
    return {
        tuple(label["value"] for label in sorted(one["labels"], key=lambda label: str(label["name"]))): float(
            one["metricPoints"][-1]["gaugeValue"]["doubleValue"]
        )
        for one in answer["metrics"]
    }


def test_the_monitor_tab_has_rates_errors_and_operations(busy: RunningStack) -> None:
    by_operation = eventually(
        partial(_monitor, busy, "calls", groupByOperation="true"), within_s=20, what="rates of operations"
    )
    assert {("tools/call get_current_time", SERVER), ("tools/list", SERVER)} <= set(by_operation)
    assert all(value > 0 for value in by_operation.values())
    errors = _monitor(busy, "errors", groupByOperation="true")
    assert errors["tools/call get_current_time", SERVER] == pytest.approx(FAILING / ROUNDS, rel=0.3)
    assert set(_monitor(busy, "calls")) == {(SERVER,)}
    assert busy._get("jaeger_query", "/api/metrics/minstep", service=SERVER)["data"] == 1


def test_the_monitor_tabs_latencies_are_milliseconds(busy: RunningStack) -> None:
    """As its pages take them. The same quantile from the same spans, in seconds, is a thousand times less."""
    buckets = f'mcp_span_duration_seconds_bucket{{service_name="{SERVER}",span_kind="SPAN_KIND_SERVER"}}'
    for quantile in (0.5, 0.75, 0.95):

        def compared(quantile: float = quantile) -> bool:
            shown = _monitor(busy, "latencies", quantile=quantile)
            seconds = busy.query(f"histogram_quantile({quantile}, sum by (le) (rate({buckets}[60s])))")
            if not shown or not seconds:
                return False
            return shown[(SERVER,)] == pytest.approx(seconds[0][1] * 1000, rel=0.5)

        eventually(compared, within_s=30, what=f"p{quantile * 100:g} in milliseconds")


def test_the_monitor_tab_shows_servers_unless_told_otherwise(busy: RunningStack) -> None:
    assert _monitor(busy, "calls", service=CLIENT) == {}, "a client has no server spans"
    eventually(partial(_monitor, busy, "calls", service=CLIENT, spanKind="client"), within_s=20, what="a client's rate")
