"""The variants on one SDK, and the switch between them within one process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from bench.floor import Floor, Least
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings
from tests.support import sdk

__all__ = ("VARIANTS", "Discard", "Variants")

VARIANTS: Final = (
    "bare",
    "control",
    *(("native",) if sdk.IS_V2 else ()),
    "floor",
    "floor+propagation",
    "ours",
    "ours, with detail",
    "floor+propagation, not sampled",
    "two records and two dropped spans",
    "ours, not sampled",
    "ours, SDK disabled",
    "ours, no provider",
)
"""``control`` is ``bare`` once more: what differs between those two is noise."""
_DISABLED: Final = "OTEL_SDK_DISABLED"


class Discard(SpanExporter):
    """Takes spans and forgets them: exporting is not what is compared."""

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Variants:
    """The providers of all variants, and the variant that is switched on."""

    def __init__(self) -> None:
        self._tracer_provider = TracerProvider()
        self._tracer_provider.add_span_processor(BatchSpanProcessor(Discard()))
        self._meter_provider = MeterProvider([InMemoryMetricReader()])
        meter = self._meter_provider.get_meter("floor")
        unsampled = TracerProvider(sampler=ALWAYS_OFF)
        unsampled.add_span_processor(BatchSpanProcessor(Discard()))
        self._floors = {
            "floor": Floor(self._tracer_provider, meter, propagate_context=False),
            "floor+propagation": Floor(self._tracer_provider, meter, propagate_context=True),
            "floor+propagation, not sampled": Floor(unsampled, meter, propagate_context=True),
            "two records and two dropped spans": Least(unsampled, meter, propagate_context=False),
        }
        os.environ[_DISABLED] = "true"
        disabled = {
            "tracer_provider": TracerProvider(),
            "meter_provider": MeterProvider([InMemoryMetricReader()]),
        }
        del os.environ[_DISABLED]
        self._providers: dict[str, dict[str, Any]] = {
            "ours": {"tracer_provider": self._tracer_provider, "meter_provider": self._meter_provider},
            "ours, with detail": {
                "tracer_provider": self._tracer_provider,
                "meter_provider": self._meter_provider,
                "settings": McpSettings(detail=True),
            },
            "ours, not sampled": {"tracer_provider": unsampled, "meter_provider": self._meter_provider},
            "ours, SDK disabled": disabled,
            "ours, no provider": {},
        }
        self.floor: Floor | None = None

    @contextmanager
    def switched_on(self, variant: str) -> Iterator[None]:
        if variant in self._floors:
            self.floor = self._floors[variant]
            yield
            self.floor = None
        elif variant == "native":
            module: Any = import_module("mcp.shared._otel")
            idle, module._tracer = module._tracer, self._tracer_provider.get_tracer("mcp-python-sdk")
            yield
            module._tracer = idle
        elif variant in self._providers:
            if variant == "ours, SDK disabled":
                os.environ[_DISABLED] = "true"
            instrumentor = McpInstrumentor()
            instrumentor.instrument(**{"settings": McpSettings(), **self._providers[variant]})
            yield
            instrumentor.uninstrument()
            os.environ.pop(_DISABLED, None)
        else:
            assert variant in ("bare", "control"), variant
            yield
