"""The public capture, as this package's own tests read it: by kind first, histograms only, exemplars kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from groundhog_otel import testing
from groundhog_otel.mcp import guard
from groundhog_otel.settings import McpSettings


class Capture:
    """Everything that was traced and measured while it was open."""

    def __init__(self, public: testing.Capture | None = None) -> None:
        self.public = public = public or testing.Capture()
        self.exporter = public.exporter
        self.clear = public.clear
        self.reader = public._reader
        self.tracer_provider = public.tracer_provider
        self.meter_provider = public.meter_provider

    @cached_property
    def metrics(self) -> MetricsData:
        """Everything measured up to the first look: a second collection would come without exemplars."""
        data = self.public.metrics_data
        assert data is not None, "nothing was measured"
        return data

    def spans(self, kind: SpanKind | None = None, name: str | None = None) -> list[ReadableSpan]:
        """Return finished spans, in the order in which they ended."""
        return self.public.spans(name, kind=kind)

    def one(self, kind: SpanKind, name: str) -> ReadableSpan:
        """Return the only span of that kind and name."""
        return self.public.one(name, kind=kind)

    def points(self, metric: str) -> list[HistogramDataPoint]:
        """Return the data points of one histogram."""
        return [
            point
            for found in testing.metrics_of(self.metrics)
            if found.name == metric
            for point in found.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]


@contextmanager
def capturing(settings: McpSettings | None = None, *, failing: bool = False) -> Iterator[Capture]:
    """Instrument mcp into memory, and put everything back.

    With ``failing=False`` it is an error that telemetry has failed anywhere, which the program watched never notices.
    """
    guard._said.clear()
    with testing.capture(settings=settings) as public:
        yield Capture(public)
    assert failing or not guard._said, "telemetry failed; see what was logged"


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
