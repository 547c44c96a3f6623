"""A pytest plugin for other projects' suites: instruments the process before they import ``mcp``, and keeps score.

Loaded with ``-p groundhog_suite_plugin``. ``GROUNDHOG_SUITE_INSTRUMENT=1`` turns the instrumentation on; the ``OTEL_*``
settings count as always. ``GROUNDHOG_SUITE_REPORT`` is the file that the outcomes go to, and next to it each process
writes how many spans and measurements it made, so that a run that watched nothing cannot pass for one that did.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

REPORT = Path(os.environ["GROUNDHOG_SUITE_REPORT"])
WORST_FIRST = ("error", "failed", "passed", "skipped")

outcomes: dict[str, str] = {}
messages: dict[str, str] = {}


class Counter(SpanExporter):
    """Reads every span as an exporter would, and keeps only their number."""

    def __init__(self) -> None:
        self.spans = 0
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        rendered = [span.to_json(indent=None) for span in spans]
        with self._lock:
            self.spans += len(rendered)
        return SpanExportResult.SUCCESS


counter = Counter()
reader = InMemoryMetricReader()

if os.environ.get("GROUNDHOG_SUITE_INSTRUMENT") == "1":
    from groundhog_otel.mcp import McpInstrumentor

    # Not the process's own providers: some suites set those themselves, and only the first to set them counts.
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(counter))
    McpInstrumentor().instrument(
        tracer_provider=provider, meter_provider=MeterProvider([reader], shutdown_on_exit=False)
    )


def note(test: str, outcome: str, message: str) -> None:
    """Keep the worst outcome of a test's phases."""
    known = outcomes.get(test)
    if known is None or WORST_FIRST.index(outcome) < WORST_FIRST.index(known):
        outcomes[test] = outcome
        messages[test] = message


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.outcome not in WORST_FIRST:  # pytest-retry's own "retried": the last attempt counts
        return
    if report.passed and report.when != "call":
        return
    outcome = "error" if report.failed and report.when != "call" else report.outcome
    note(report.nodeid, outcome, report.longreprtext[-20_000:] if report.failed else "")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        note(report.nodeid, "error", report.longreprtext[-20_000:])


def measured() -> int:
    """Return how many operations the histograms have counted."""
    data = reader.get_metrics_data()
    return sum(
        getattr(point, "count", 0)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    config: Any = session.config
    worker = getattr(config, "workerinput", {}).get("workerid", "main")
    made = {"spans": counter.spans, "measured": measured()}
    REPORT.with_suffix(f".{worker}").write_text(json.dumps(made), encoding="utf-8")
    if worker == "main":
        found = {"outcomes": outcomes, "messages": messages}
        REPORT.write_text(json.dumps(found), encoding="utf-8")
