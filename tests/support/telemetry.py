"""In-memory telemetry, with the real SDK, and readable views of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings


@dataclass
class Capture:
    """Everything that was traced and measured while it was open."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self._collected: MetricsData | None = None

    @property
    def metrics(self) -> MetricsData:
        """Everything measured up to the first look: a second collection would come without exemplars."""
        if self._collected is None:
            self._collected = self.reader.get_metrics_data()
        assert self._collected is not None, "nothing was measured"
        return self._collected

    def spans(self, kind: SpanKind | None = None, name: str | None = None) -> list[ReadableSpan]:
        """Return finished spans, in the order in which they ended."""
        return [
            span
            for span in self.exporter.get_finished_spans()
            if (kind is None or span.kind is kind) and (name is None or span.name == name)
        ]

    def one(self, kind: SpanKind, name: str) -> ReadableSpan:
        """Return the only span of that kind and name."""
        found = self.spans(kind, name)
        assert len(found) == 1, (kind, name, [span.name for span in self.spans()])
        return found[0]

    def points(self, metric: str) -> list[HistogramDataPoint]:
        """Return the data points of one histogram."""
        return [
            point
            for resource in self.metrics.resource_metrics
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]

    def shutdown(self) -> None:
        """Stop the providers."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


@contextmanager
def capturing(settings: McpSettings | None = None, **kwargs: Any) -> Iterator[Capture]:
    """Instrument mcp into memory, and put everything back."""
    capture = Capture()
    instrumentor = McpInstrumentor()
    instrumentor.instrument(
        tracer_provider=capture.tracer_provider,
        meter_provider=capture.meter_provider,
        settings=settings or McpSettings(),
        **kwargs,
    )
    try:
        yield capture
    finally:
        instrumentor.uninstrument()
        capture.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes as a plain dict."""
    return dict(span.attributes or {})


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    """Tell whether ``child``'s parent is ``parent``, in the same trace."""
    return (
        child.parent is not None
        and child.parent.span_id == parent.context.span_id
        and child.context.trace_id == parent.context.trace_id
    )
