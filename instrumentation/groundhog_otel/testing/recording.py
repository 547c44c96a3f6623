"""Spans and metrics of MCP, kept in memory by the real OpenTelemetry SDK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    MetricsData,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings
from groundhog_otel.testing.tree import DEFAULT_ATTRIBUTES, tree

__all__ = ("Capture", "capture", "metrics_of")

Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint


class Capture:
    """Everything that was traced and measured while :func:`capture` was open. It stays readable afterwards."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        """Holds the finished spans. Give it a processor of its own to capture another provider's, too."""
        self._reader = InMemoryMetricReader()
        self._last: MetricsData | None = None
        self._open = True
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        """Give it to other instrumentations, or take a tracer from it, and their spans are captured as well."""
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def spans(self, name: str | None = None, *, kind: SpanKind | str | None = None) -> list[ReadableSpan]:
        """Return finished spans, in the order in which they ended.

        ``kind`` is a ``SpanKind`` or its name: ``"client"`` for who sent a message, ``"server"`` for who received it.

        Raises:
            ValueError: there is no such kind.
        """
        wanted = _kind(kind)
        return [
            span
            for span in self.exporter.get_finished_spans()
            if (wanted is None or span.kind is wanted) and (name is None or span.name == name)
        ]

    def clear(self) -> None:
        """Forget the spans that have ended so far."""
        self.exporter.clear()

    def one(self, name: str, *, kind: SpanKind | str | None = None) -> ReadableSpan:
        """Return the only finished span of that name and kind.

        Raises:
            AssertionError: there is none, or more than one; the message shows the tree of all spans.
        """
        found = self.spans(name, kind=kind)
        if len(found) == 1:
            return found[0]
        wanted = _kind(kind)
        sort = "" if wanted is None else f"{wanted.name} "
        raise AssertionError(f"expected one {sort}span {name!r}, found {len(found)} in:\n{self.tree() or '(no spans)'}")

    @property
    def metrics_data(self) -> MetricsData | None:
        """Everything measured so far, as the SDK gives it; None while nothing was.

        The SDK hands out an exemplar once only: a second look at a metric comes without those of the first.
        """
        data = self._reader.get_metrics_data() if self._open else None
        self._last = data or self._last
        return self._last

    @property
    def metrics(self) -> list[Metric]:
        """Everything measured so far, metric by metric."""
        data = self.metrics_data
        return [] if data is None else metrics_of(data)

    def metric(self, name: str) -> Metric:
        """Return the metric of that name.

        Raises:
            AssertionError: it was not measured; the message names those that were.
        """
        metrics = self.metrics
        found = next((metric for metric in metrics if metric.name == name), None)
        if found is None:
            raise AssertionError(f"no metric {name!r} was measured, only {sorted({one.name for one in metrics})}")
        return found

    def points(self, name: str, **attributes: Any) -> list[Point]:
        """Return the data points of a metric; those with these attributes, when some are given.

        In a keyword, two underscores stand for a dot: ``gen_ai__tool__name="add"``.

        Raises:
            AssertionError: the metric was not measured.
        """
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return [
            point
            for point in self.metric(name).data.data_points
            if all((point.attributes or {}).get(key) == value for key, value in wanted.items())
        ]

    def tree(self, *, attributes: Sequence[str] = DEFAULT_ATTRIBUTES) -> str:
        """Return all spans as text, children below their parents. See :func:`groundhog_otel.testing.tree`."""
        return tree(self.spans(), attributes=attributes)

    def close(self) -> None:
        """Read the metrics a last time and stop the providers."""
        if self._open:
            _ = self.metrics_data
            self._open = False
            self.tracer_provider.shutdown()
            self.meter_provider.shutdown()


@contextmanager
def capture(*, settings: McpSettings | None = None) -> Iterator[Capture]:
    """Instrument mcp into memory, and put everything back at the end.

    The environment is not read: ``settings`` are the defaults, unless given.

    Raises:
        RuntimeError: mcp is instrumented already, by another capture or by ``opentelemetry-instrument``.
    """
    instrumentor = McpInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        raise RuntimeError(
            "mcp is instrumented already, so nothing would be captured: close the other capture, "
            "call McpInstrumentor().uninstrument(), or run the tests without opentelemetry-instrument"
        )
    captured = Capture()
    instrumentor.instrument(
        tracer_provider=captured.tracer_provider,
        meter_provider=captured.meter_provider,
        settings=settings or McpSettings(),
    )
    try:
        yield captured
    finally:
        instrumentor.uninstrument()
        captured.close()


def metrics_of(data: MetricsData) -> list[Metric]:
    """Return the metrics of every resource and scope."""
    return [
        metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
    ]


def _kind(kind: SpanKind | str | None) -> SpanKind | None:
    if not isinstance(kind, str):
        return kind
    try:
        return SpanKind[kind.upper()]
    except KeyError:
        names = ", ".join(one.name.lower() for one in SpanKind)
        raise ValueError(f"{kind!r} is no kind of span: use one of {names}") from None
