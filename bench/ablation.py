"""Takes the OpenTelemetry SDK and API out from under an instrumentation, one part after the other.

What the cost falls by when a part goes is what that part cost. The parts are taken away on top of each other, so that
their costs add up to the whole, and what is left in the end is the instrumentation's own Python. What stands in for a
part costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from opentelemetry import context as context_api
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.trace import Span, Tracer
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from groundhog_otel.mcp import propagation
from groundhog_otel.mcp.sdk_v2 import outbound

__all__ = ("PARTS", "without")

_WRITERS: Final = propagation, outbound

_SPAN: Final = NonRecordingSpan(
    SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7, is_remote=False, trace_flags=TraceFlags(1))
)
_CONTEXT: Final = Context()
_TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
_SETS: Final = "set_attribute", "set_attributes", "set_status", "add_event", "record_exception"


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    """Stand in for whatever returns nothing."""


def _start(bare: Callable[..., Any]) -> Callable[..., Any]:
    def start_span(
        self: Any, name: str, context: Any = None, kind: Any = None, _attributes: Any = None, *_: Any, **__: Any
    ) -> Any:
        return bare(self, name, context, kind)

    return start_span


def _span(*_args: Any, **_kwargs: Any) -> Any:
    return _SPAN


def _inject(_self: Any, carrier: Any, *_args: Any, **_kwargs: Any) -> None:
    carrier["traceparent"] = _TRACEPARENT  # the message stays as long, and the peer has something to extract


def _written(_context: Any) -> dict[str, str]:
    return {"traceparent": _TRACEPARENT}


def _read(_meta: Any, base: Context) -> Context:
    return base


def _extract(_self: Any, _carrier: Any, context: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    return _CONTEXT if context is None else context


PARTS: Final[tuple[tuple[str, tuple[tuple[Any, str, Any], ...]], ...]] = (
    ("span processor", ((BatchSpanProcessor, "on_end", _nothing),)),
    ("end of span: a copy of it to read", ((Span, "end", _nothing),)),
    ("attributes set after the start", tuple((Span, name, _nothing) for name in _SETS)),
    ("attributes at the start, cleaned and copied", ((Tracer, "start_span", _start(Tracer.start_span)),)),
    (
        "random ids",
        (
            (RandomIdGenerator, "generate_span_id", lambda _self: 0x00F067AA0BA902B7),
            (RandomIdGenerator, "generate_trace_id", lambda _self: 0x0AF7651916CD43DD8448EB211C80319C),
        ),
    ),
    ("start of span: sampler, context, the object", ((Tracer, "start_span", _span),)),
    ("histogram record", ((Histogram, "record", _nothing),)),
    (
        "inject",
        (
            (TraceContextTextMapPropagator, "inject", _inject),
            (W3CBaggagePropagator, "inject", _nothing),
            *((module, "written", _written) for module in _WRITERS),
        ),
    ),
    (
        "extract",
        (
            (TraceContextTextMapPropagator, "extract", _extract),
            (W3CBaggagePropagator, "extract", _extract),
            (propagation, "read", _read),
        ),
    ),
    (
        "attach and detach",
        (
            (type(context_api._RUNTIME_CONTEXT), "attach", _nothing),
            (type(context_api._RUNTIME_CONTEXT), "detach", _nothing),
        ),
    ),
)
"""Name, and what is replaced by what: in the order in which they go."""


@contextmanager
def without(parts: int) -> Iterator[None]:
    """Take away the first ``parts`` of :data:`PARTS`."""
    with ExitStack() as gone:
        for _, replaced in PARTS[:parts]:
            for owner, name, stand_in in replaced:
                gone.enter_context(patch.object(owner, name, stand_in))
        yield
