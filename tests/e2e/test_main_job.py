"""The one sentence, end to end: unmodified servers, instrumented, and an alert that leads to a stored trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.budgets import COMMAND
from tests.e2e.conftest import SHARE_PERCENT, RunningStack, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BIN = Path(sys.executable).parent
FAST_CALLS = 400
SLOW_CALLS = 12


def _environment(stack: RunningStack, client: str, server: str) -> dict[str, str]:
    return {
        **os.environ,
        "OTEL_SERVICE_NAME": client,
        "SERVER_NAME": server,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.ports['otlp_grpc']}",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_PYTHON_GROUNDHOG_RESOURCES": "process,system",
    }


def _run(stack: RunningStack, client: str, server: str, command: list[str], calls: list[Any]) -> None:
    """Run the client program and its server, both as a user would have them instrumented."""
    instrument = str(BIN / "opentelemetry-instrument")
    done = subprocess.run(
        [instrument, sys.executable, str(Path(__file__).with_name("client_program.py")), instrument, *command],
        input=json.dumps(calls),
        env=_environment(stack, client, server),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(sum(call[2] for call in calls)), "standard output is the program's alone"


@pytest.fixture(scope="module")
def big_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose working tree takes git a while to compare: real input that makes a real server slow."""
    folder = tmp_path_factory.mktemp("big-repository")
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    data = folder / "data.txt"
    data.write_text("".join(f"line {number} {number * 7919 % 10007}\n" for number in range(150_000)))
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "data"], check=True)
    data.write_text("".join(f"line {number} {number * 7907 % 10007}\n" for number in range(150_000)))
    return folder


@pytest.fixture(scope="module")
def fast_run(running_stack: RunningStack) -> RunningStack:
    calls = [["get_current_time", {"timezone": "UTC"}, FAST_CALLS, 0]]
    _run(running_stack, "fast-client", "time-server", [str(BIN / "mcp-server-time")], calls)
    return running_stack


@pytest.fixture(scope="module")
def slow_run(running_stack: RunningStack, big_repository: Path) -> RunningStack:
    # Spread out: Prometheus sees a rate only from the second reading of a series on.
    calls = [["git_diff_unstaged", {"repo_path": str(big_repository), "context_lines": 0}, SLOW_CALLS, 0.5]]
    command = [str(BIN / "mcp-server-git"), "--repository", str(big_repository)]
    _run(running_stack, "slow-client", "git-server", command, calls)
    return running_stack


def _counted(stack: RunningStack, service: str, kind: str, tool: str) -> float:
    found = stack.query(
        f'mcp_span_calls_total{{service_name="{service}",span_kind="SPAN_KIND_{kind}",gen_ai_tool_name="{tool}"}}'
    )
    return sum(value for _, value in found)


def _has_counted(stack: RunningStack, service: str, kind: str, tool: str, made: int) -> bool:
    return _counted(stack, service, kind, tool) == made


def test_span_metrics_count_every_call(fast_run: RunningStack, slow_run: RunningStack) -> None:
    for service, kind, tool, made in (
        ("fast-client", "CLIENT", "get_current_time", FAST_CALLS),
        ("time-server", "SERVER", "get_current_time", FAST_CALLS),
        ("slow-client", "CLIENT", "git_diff_unstaged", SLOW_CALLS),
        ("git-server", "SERVER", "git_diff_unstaged", SLOW_CALLS),
    ):
        eventually(
            partial(_has_counted, fast_run, service, kind, tool, made),
            within_s=20,
            what=f"{made} {kind} spans of {tool} counted for {service}",
        )


def test_the_servers_own_histogram_counts_every_call_too(fast_run: RunningStack) -> None:
    def counted() -> bool:
        found = fast_run.query(
            'mcp_server_operation_duration_seconds_count{job="time-server",gen_ai_tool_name="get_current_time"}'
        )
        return sum(value for _, value in found) == FAST_CALLS

    eventually(counted, within_s=20, what="mcp.server.operation.duration in Prometheus")


def test_every_slow_call_is_a_stored_trace_of_both_sides(slow_run: RunningStack) -> None:
    def stored() -> list[dict[str, Any]]:
        found = slow_run.traces("git-server", "tools/call git_diff_unstaged")
        return found if len(found) == SLOW_CALLS else []

    for trace in eventually(stored, within_s=30, what=f"{SLOW_CALLS} slow traces in Jaeger"):
        spans = {_kind(span): span for span in trace["spans"]}
        assert set(spans) == {"client", "server"}
        assert len(trace["spans"]) == 2
        (reference,) = spans["server"]["references"]
        assert reference["refType"] == "CHILD_OF"
        assert reference["spanID"] == spans["client"]["spanID"]
        services = {trace["processes"][span["processID"]]["serviceName"] for span in spans.values()}
        assert services == {"slow-client", "git-server"}
        assert spans["server"]["duration"] > COMMAND.limit_s * 1e6, "the call meant to be slow was not"


def _kind(span: dict[str, Any]) -> str:
    return str(next(tag["value"] for tag in span["tags"] if tag["key"] == "span.kind"))


def test_fast_calls_are_stored_at_the_sampled_share(fast_run: RunningStack, slow_run: RunningStack) -> None:
    """The bounds are more than four standard deviations of the binomial away: chance will not reach them."""
    test_every_slow_call_is_a_stored_trace_of_both_sides(slow_run)  # by then the earlier ones are decided
    calls = eventually(lambda: fast_run.traces("time-server", "tools/call get_current_time"), within_s=20, what="any")
    slow = [trace for trace in calls if any(span["duration"] > COMMAND.limit_s * 1e6 for span in trace["spans"])]
    expected = FAST_CALLS * SHARE_PERCENT / 100
    assert expected * 0.35 < len(calls) - len(slow) < expected * 1.65, (len(calls), len(slow))


def test_process_metrics_are_in_prometheus(slow_run: RunningStack) -> None:
    for service in ("slow-client", "git-server"):
        for metric, least in (
            ("process_memory_usage_bytes", 1e6),
            ("process_cpu_time_seconds_total", 0.01),
            ("process_disk_io_bytes_total", 0),
            ("process_thread_count", 1),
            ("system_network_io_bytes_total", 0),
        ):
            if sys.platform != "linux" and metric == "process_disk_io_bytes_total":
                continue
            found = slow_run.query(f'max_over_time({metric}{{job="{service}"}}[10m])')
            assert found, (service, metric)
            assert max(value for _, value in found) >= least


def test_the_alert_reaches_the_webhook_and_leads_to_stored_traces(slow_run: RunningStack) -> None:
    def firing() -> list[dict[str, Any]]:
        return [
            alert
            for alert in slow_run.webhook.alerts
            if alert["status"] == "firing" and alert["labels"].get("gen_ai_tool_name") == "git_diff_unstaged"
        ]

    alert = eventually(firing, within_s=60, what="the alert at the webhook")[0]
    assert alert["labels"]["alertname"] == "McpToolCallSlow"
    assert alert["labels"]["service_name"] == "git-server"
    assert "its budget is 50ms" in alert["annotations"]["summary"]
    assert f":{slow_run.ports['jaeger_query']}/search?service=git-server" in alert["annotations"]["traces"]

    very = slow_run.trace(alert["annotations"]["trace_id"])
    assert very is not None, "linked before it was stored"
    assert alert["annotations"]["trace"].endswith(f":{slow_run.ports['jaeger_query']}/trace/{very['traceID']}")
    (server,) = (span for span in very["spans"] if _kind(span) == "server")
    assert server["operationName"] == "tools/call git_diff_unstaged"
    assert server["duration"] > COMMAND.limit_s * 1e6

    def over_budget() -> list[str]:
        found = slow_run.exemplars(alert["annotations"]["exemplars"])
        return [trace_id for trace_id, value in found if value > COMMAND.limit_s]

    trace_ids = eventually(over_budget, within_s=20, what="exemplars over the budget")
    for trace_id in trace_ids:
        stored = eventually(partial(slow_run.trace, trace_id), within_s=20, what=f"trace {trace_id} in Jaeger")
        assert any(span["operationName"] == "tools/call git_diff_unstaged" for span in stored["spans"])


def test_a_fast_tool_raises_no_alert(fast_run: RunningStack, slow_run: RunningStack) -> None:
    test_the_alert_reaches_the_webhook_and_leads_to_stored_traces(slow_run)
    slowest = fast_run.query(
        "max by (service_name) (histogram_quantile(0.99, sum by (service_name, le) ("
        'rate(mcp_span_duration_seconds_bucket{service_name="time-server",mcp_method_name="tools/call",span_kind="SPAN_KIND_SERVER"}[5m]))))'
    )
    alerts = [alert for alert in slow_run.webhook.alerts if alert["labels"].get("service_name") == "time-server"]
    assert not alerts or slowest[0][1] > COMMAND.limit_s, "an alert without a reason"
