"""How each peer is switched on, by its own documentation, and how what it recorded is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ("PEERS", "Recorder")


@dataclass
class Recorder:
    """Where a peer's spans and metrics go. ``keep`` them to be looked at, or batch and forget them to be timed."""

    keep: bool
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Sentry's transactions."""

    def processor(self) -> Any:
        if self.keep:
            return SimpleSpanProcessor(self.exporter)
        return BatchSpanProcessor(_discard())

    def providers(self) -> tuple[TracerProvider, MeterProvider]:
        """Set up the global providers."""
        tracers, meters = TracerProvider(), MeterProvider([self.reader])
        tracers.add_span_processor(self.processor())
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(meters)
        return tracers, meters

    def spans(self) -> list[dict[str, Any]]:
        """Return what was traced, as plain dicts."""
        found = [
            {
                "name": span.name,
                "kind": span.kind.name,
                "trace": span.context.trace_id,
                "id": span.context.span_id,
                "parent": span.parent.span_id if span.parent else None,
                "attributes": dict(span.attributes or {}),
                "text": span.to_json(),
            }
            for span in self.exporter.get_finished_spans()
            if span.attributes is None or span.attributes.get("logfire.span_type") != "pending_span"
        ]
        for event in self.events:
            for one in (event["contexts"]["trace"], *event.get("spans", ())):
                found += [
                    {
                        "name": one.get("description") or event.get("transaction"),
                        "kind": "SERVER" if one.get("op") == "mcp.server" else "INTERNAL",
                        "trace": one["trace_id"],
                        "id": one["span_id"],
                        "parent": one.get("parent_span_id"),
                        "attributes": one.get("data") or {},
                        "text": json.dumps(one, default=str),
                    }
                ]
        return found

    def metric_names(self) -> list[str]:
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        return sorted({metric.name for scope in scopes for metric in scope.metrics})


def _discard() -> Any:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Discard(SpanExporter):
        def export(self, _spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    return Discard()


def _instrumentor(module: str) -> Callable[[Recorder], None]:
    def on(recorder: Recorder) -> None:
        tracers, meters = recorder.providers()
        found: Any = import_module(module)
        names = ("MCPInstrumentor", "McpInstrumentor")
        cls = next(getattr(found, name) for name in names if hasattr(found, name))
        cls().instrument(tracer_provider=tracers, meter_provider=meters)

    return on


def _native(recorder: Recorder) -> None:
    recorder.providers()  # all that it takes: the spans are in the SDK, or in FastMCP


def _logfire(recorder: Recorder) -> None:
    logfire: Any = import_module("logfire")
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[recorder.processor()],
        metrics=logfire.MetricsOptions(additional_readers=[recorder.reader]),
    )
    logfire.instrument_mcp()


def _sentry(recorder: Recorder) -> None:
    sentry: Any = import_module("sentry_sdk")
    integration: Any = import_module("sentry_sdk.integrations.mcp").MCPIntegration

    class Into(sentry.transport.Transport):  # type: ignore[misc] # of a package that only its environment has
        def capture_envelope(self, envelope: Any) -> None:
            event = envelope.get_transaction_event()
            if event is not None and recorder.keep:
                recorder.events.append(event)

    sentry.init(
        dsn="http://key@127.0.0.1:9/1", transport=Into, traces_sample_rate=1.0, integrations=[integration()],
        auto_enabling_integrations=False,
    )  # fmt: skip


PEERS: Final[dict[str, Callable[[Recorder], None]]] = {
    "groundhog": _instrumentor("groundhog_otel.mcp"),
    "native": _native,
    "traceloop": _instrumentor("opentelemetry.instrumentation.mcp"),
    "openinference": _instrumentor("openinference.instrumentation.mcp"),
    "logfire": _logfire,
    "adot": _instrumentor("amazon.opentelemetry.distro.instrumentation.mcp"),
    "sentry": _sentry,
    "fastmcp3": _native,
    "fastmcp4": _native,
}
