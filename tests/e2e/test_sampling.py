"""What the Collector keeps, to the microsecond: spans of chosen durations, sent by the SDK through the real stack."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from groundhog_otel.budgets import BACKGROUND, budget_for
from groundhog_otel.pipeline.processes import load
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.semconv import ERROR_TYPE, GEN_AI_TOOL_NAME, MCP_METHOD_NAME
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import FAST_DECISIONS, SHARE_PERCENT, RunningStack, Webhook, eventually, free_ports, get, say

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

METHODS = (
    *("tools/call", "prompts/get", "resources/read", "completion/complete"),
    *("notifications/progress", "notifications/message", "notifications/resources/updated"),
    *("notifications/tools/list_changed", "tasks/get", "tasks/result"),
    *("initialize", "ping", "tools/list", "notifications/initialized", "example/custom"),
)
NONE = "work of no method"
OVER, WITHIN = 5, 40


@contextmanager
def _tracer(stack: RunningStack, service: str) -> Iterator[tuple[Tracer, TracerProvider]]:
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    endpoint = f"http://127.0.0.1:{stack.ports['otlp_grpc']}"
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True), schedule_delay_millis=100)
    )
    yield provider.get_tracer("test"), provider
    provider.shutdown()


def _send(
    tracer: Tracer, method: str, duration_ns: int, *, parent: Span | None = None, error: str = "", name: str = ""
) -> Span:
    """Make a span that ends now and has taken exactly that long."""
    attributes = {} if method == NONE else {MCP_METHOD_NAME: method}
    if method == "tools/call":
        attributes[GEN_AI_TOOL_NAME] = "t"
    if error:
        attributes[ERROR_TYPE] = error
    end = time.time_ns()
    span = tracer.start_span(
        name or method,
        context=set_span_in_context(parent) if parent is not None else None,
        kind=SpanKind.INTERNAL if method == NONE else SpanKind.SERVER,
        attributes=attributes,
        start_time=end - duration_ns,
    )
    if error:
        span.set_status(Status(StatusCode.ERROR))
    span.end(end_time=end)
    return span


def _limit_ns(method: str) -> int:
    return round((BACKGROUND if method == NONE else budget_for(method)).limit_s * 1e9)


def _stored(stack: RunningStack, service: str, count: int) -> list[dict[str, Any]]:
    """Return a service's traces in Jaeger, once there are that many."""
    found = stack.traces(service)
    return found if len(found) >= count else []


def _counted(stack: RunningStack, service: str, count: int) -> bool:
    return sum(value for _, value in stack.query(f'mcp_span_calls_total{{service_name="{service}"}}')) == count


def test_what_is_over_its_budget_by_a_microsecond_is_kept(running_stack: RunningStack) -> None:
    methods = (*METHODS, NONE)
    with _tracer(running_stack, "over") as (tracer, _):
        for method in methods:
            for _ in range(OVER):
                _send(tracer, method, _limit_ns(method) + 1000)
    sent = OVER * len(methods)
    found = eventually(partial(_stored, running_stack, "over", sent), within_s=30, what=f"{sent} traces in Jaeger")
    assert Counter(span["operationName"] for trace in found for span in trace["spans"]) == dict.fromkeys(methods, OVER)
    eventually(partial(_counted, running_stack, "over", sent), within_s=20, what=f"{sent} spans counted")


def test_what_is_exactly_at_its_budget_is_kept_at_the_share_of_the_rest(running_stack: RunningStack) -> None:
    methods = (*METHODS, NONE)
    with _tracer(running_stack, "within") as (tracer, provider):
        for method in methods:
            for _ in range(WITHIN):
                _send(tracer, method, _limit_ns(method))
            assert provider.force_flush()
        _send(tracer, "tools/call", 1, error="last")
    sent = WITHIN * len(methods) + 1
    eventually(partial(_counted, running_stack, "within", sent), within_s=20, what=f"{sent} spans counted")
    time.sleep(3)  # what is within is decided one second after its root has arrived
    kept = len(running_stack.traces("within")) - 1
    expected = (sent - 1) * SHARE_PERCENT / 100
    assert expected * 0.4 < kept < expected * 1.6, (kept, expected)  # five standard deviations of the binomial


def test_every_error_is_kept_however_fast(running_stack: RunningStack) -> None:
    with _tracer(running_stack, "errors") as (tracer, _):
        for number in range(50):
            _send(tracer, METHODS[number % len(METHODS)], 1_000_000, error="tool_error")
    found = eventually(partial(_stored, running_stack, "errors", 50), within_s=30, what="50 error traces in Jaeger")
    assert len(found) == 50


def test_a_kept_trace_is_whole_also_what_came_long_before_or_after_the_slow_span(running_stack: RunningStack) -> None:
    with _tracer(running_stack, "whole") as (tracer, provider):
        roots = [tracer.start_span("client") for _ in range(20)]
        for root in roots:
            _send(tracer, "initialize", 1000, parent=root)
        assert provider.force_flush()
        time.sleep(0.5)
        for root in roots:
            _send(tracer, "tools/call", _limit_ns("tools/call") + 1000, parent=root)
            root.end()
        assert provider.force_flush()
        time.sleep(2)  # all are decided by now
        for root in roots:
            _send(tracer, "ping", 1000, parent=root)

    def whole() -> bool:
        found = running_stack.traces("whole")
        return [len(trace["spans"]) for trace in found] == [4] * len(roots)

    eventually(whole, within_s=30, what=f"{len(roots)} traces of four spans")


def test_the_notification_links_to_the_slow_traces(running_stack: RunningStack) -> None:
    """By its two ways, for a service and with spans that no other test has."""
    service = "slow & steady"
    with _tracer(running_stack, service) as (tracer, provider):
        for _ in range(15):
            _send(tracer, "tools/call", 80_000_000, name="tools/call t")
            assert provider.force_flush()
            time.sleep(0.5)  # a rate needs more than one reading

    def notified() -> list[dict[str, Any]]:
        alerts = running_stack.webhook.alerts
        return [one for one in alerts if one["labels"].get("service_name") == service and one["status"] == "firing"]

    alert = eventually(notified, within_s=40, what="the alert at the webhook")[0]
    assert alert["labels"]["severity"] == "warning"
    ours = {trace["traceID"] for trace in running_stack.traces(service)}
    assert len(ours) == 15
    linked = eventually(
        lambda: get(alert["annotations"]["traces_json"])["data"], within_s=20, what="traces at the link"
    )
    assert {trace["traceID"] for trace in linked} == ours
    exemplars = eventually(
        lambda: running_stack.exemplars(alert["annotations"]["exemplars"]), within_s=20, what="exemplars"
    )
    assert {trace_id for trace_id, _ in exemplars} <= ours


def test_what_is_kept_while_jaeger_is_away_arrives_also_when_the_collector_is_killed(
    settings: StackSettings, webhook: Webhook, tmp_path: Path
) -> None:
    own = settings._replace(state=tmp_path / "state", ports=free_ports())
    stack = Stack(own, say=say, environment=FAST_DECISIONS)
    running = RunningStack(stack, webhook)
    stack.up()
    try:
        pids = {one.name: one.pid for one in load(own.state / "stack.json")}
        os.kill(pids["Jaeger"], signal.SIGKILL)
        with _tracer(running, "patient") as (tracer, _):
            for _ in range(200):
                _send(tracer, "tools/call", 1000, error="tool_error")
        time.sleep(2)
        os.kill(pids["Collector"], signal.SIGKILL)
        stack.up()
        found = eventually(partial(_stored, running, "patient", 200), within_s=40, what="200 traces in Jaeger")
        assert len(found) == 200
    finally:
        stack.down()
