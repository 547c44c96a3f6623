"""The invariant, across samplers: whatever exemplar above a budget Prometheus shows, Jaeger has its trace.

Two balancers, three samplers; the spans of each trace enter by both balancers; ten fast calls to one slow; a late span
for each slow call, after its trace has been decided.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from urllib.parse import urlencode

import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context

from groundhog_otel.budgets import COMMAND
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.semconv import (
    GEN_AI_TOOL_NAME,
    MCP_DURATION_BUCKETS_S,
    MCP_METHOD_NAME,
    MCP_SERVER_OPERATION_DURATION,
)
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import RunningStack, eventually, get, say
from tests.e2e.prometheus import scraping
from tests.e2e.spans import FAST_S, SLOW_S
from tests.e2e.tiers import TwoTiers, two_tiers

pytestmark = [pytest.mark.timeout(600)]

FAST_FOR_ONE_SLOW = 10
SLOW_IN_A_ROUND = 30
TOOLS = 10
LEAST_EXEMPLARS = 10
ENVIRONMENT = {"GROUNDHOG_ROOT_WAIT": "1s", "GROUNDHOG_DECISION_WAIT": "4s", "GROUNDHOG_SHARE_PERCENT": "1"}
HISTOGRAMS = ("mcp_kept_duration_seconds_bucket", "mcp_server_operation_duration_seconds_bucket")


class Alternating(SpanProcessor):
    """Hands each span to the next of several processors."""

    def __init__(self, processors: list[SpanProcessor]) -> None:
        self._processors = processors
        self._next = cycle(processors)

    def on_end(self, span: ReadableSpan) -> None:
        next(self._next).on_end(span)

    def shutdown(self) -> None:
        for one in self._processors:
            one.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return all(one.force_flush(timeout_millis) for one in self._processors)


@contextmanager
def _sdk(tiers: TwoTiers, service: str) -> Iterator[tuple[TracerProvider, MeterProvider]]:
    """A program's SDK whose connections end at different balancers."""
    resource = Resource.create({"service.name": service})
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(
        Alternating(
            [
                BatchSpanProcessor(
                    OTLPSpanExporter(endpoint=f"http://{one.grpc}", insecure=True),
                    schedule_delay_millis=100,
                    max_queue_size=100_000,
                )
                for one in tiers.balancers
            ]
        )
    )
    exporter = OTLPMetricExporter(endpoint=f"http://{tiers.balancers[0].grpc}", insecure=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=500)
    metrics = MeterProvider([reader], resource, shutdown_on_exit=False)
    yield traces, metrics
    traces.shutdown()
    metrics.shutdown()


def _call(tracer: Tracer, histogram: Histogram, tool: int, duration_s: float) -> Span:
    """Make a call's two spans, which end now; return its root."""
    about = {MCP_METHOD_NAME: "tools/call", GEN_AI_TOOL_NAME: f"tool-{tool}"}
    end = time.time_ns()
    begin = end - round(duration_s * 1e9)
    client = tracer.start_span("tools/call t", kind=SpanKind.CLIENT, attributes=about, start_time=begin)
    inside = set_span_in_context(client)
    server = tracer.start_span("tools/call t", inside, kind=SpanKind.SERVER, attributes=about, start_time=begin)
    histogram.record(duration_s, about, context=set_span_in_context(server))
    server.end(end)
    client.end(end)
    return client


def _exemplars(prometheus: int, histogram: str, service: str) -> set[str]:
    """Return the trace ids of the exemplars above the budget."""
    now = time.time()
    asked = urlencode({"query": f'{histogram}{{job="{service}"}}', "start": now - 3600, "end": now})
    return {
        exemplar["labels"]["trace_id"]
        for series in get(f"http://127.0.0.1:{prometheus}/api/v1/query_exemplars?{asked}")["data"]
        for exemplar in series["exemplars"]
        if float(exemplar["value"]) > COMMAND.limit_s
    }


def _enough(prometheus: int, histogram: str, service: str) -> set[str]:
    found = _exemplars(prometheus, histogram, service)
    return found if len(found) >= LEAST_EXEMPLARS else set()


def _sum(prometheus: int, query: str) -> float:
    found = get(f"http://127.0.0.1:{prometheus}/api/v1/query?{urlencode({'query': query})}")["data"]["result"]
    return float(found[0]["value"][1]) if found else 0


@pytest.mark.parametrize(
    "slow_calls",
    [pytest.param(300, marks=pytest.mark.e2e), pytest.param(1200, marks=pytest.mark.slow)],
)
def test_every_exemplar_above_the_budget_is_a_stored_trace(
    running_stack: RunningStack, settings: StackSettings, tmp_path: Path, slow_calls: int
) -> None:
    service = f"invariant-{slow_calls}"
    programs = Stack(settings, say=say).build()
    own = settings._replace(state=tmp_path)
    jaeger = f"127.0.0.1:{running_stack.ports['jaeger_otlp']}"
    with two_tiers(programs["groundhog-collector"], own, sinks=[jaeger] * 3, environment=ENVIRONMENT) as tiers:
        ports = [one.ports["span_metrics"] for one in (*tiers.balancers, *tiers.samplers)]
        with scraping(programs["prometheus"], tmp_path, ports) as prometheus:
            slow: list[Span] = []
            with _sdk(tiers, service) as (traces, metrics):
                tracer = traces.get_tracer("test")
                histogram = metrics.get_meter("test").create_histogram(
                    MCP_SERVER_OPERATION_DURATION, "s", explicit_bucket_boundaries_advisory=MCP_DURATION_BUCKETS_S
                )
                for number in range(slow_calls):
                    slow.append(_call(tracer, histogram, number % TOOLS, SLOW_S * (1 + number // TOOLS % 10)))
                    for _ in range(FAST_FOR_ONE_SLOW):
                        _call(tracer, histogram, number % TOOLS, FAST_S)
                    if number % SLOW_IN_A_ROUND == 0:
                        time.sleep(0.5)  # an exemplar is shown for one flush: let there be several
                assert traces.force_flush()
                calls = slow_calls * (1 + FAST_FOR_ONE_SLOW)
                eventually(lambda: tiers.decided() == calls, within_s=60, what=f"{calls} calls decided")
                for root in slow:
                    tracer.start_span("late", set_span_in_context(root)).end()
                assert traces.force_flush()

            ids = {f"{root.get_span_context().trace_id:032x}" for root in slow}

            def whole() -> bool:
                found = {trace["traceID"]: len(trace["spans"]) for trace in running_stack.traces(service)}
                return [found.get(one) for one in ids] == [3] * slow_calls

            eventually(whole, within_s=60, what=f"{slow_calls} slow calls of three spans in Jaeger")
            sent = slow_calls * (3 + 2 * FAST_FOR_ONE_SLOW)
            eventually(
                lambda: _sum(prometheus, f'sum(mcp_span_calls_total{{service_name="{service}"}})') == sent,
                within_s=20,
                what="every span counted once, whichever balancer it entered by",
            )
            shown = {
                one: eventually(partial(_enough, prometheus, one, service), within_s=20, what=one) for one in HISTOGRAMS
            }
            for one, found in shown.items():
                assert found <= ids, f"{one} shows a trace that is not a slow call"
                assert all(running_stack.trace(trace) for trace in found), f"{one} leads nowhere"
            say(json.dumps({"slow": slow_calls, "exemplars": {one: len(found) for one, found in shown.items()}}))
