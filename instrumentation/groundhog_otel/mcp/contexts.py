"""Looking into a context without the API's detours: several times per message, and ``get_current_span`` asks an ABC."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, INVALID_SPAN_CONTEXT, SpanContext, set_span_in_context

__all__ = ("only_span", "span_context")

_SPAN: Final = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""The key under which a context has its span: the API does not tell it, but uses it for whoever sets one."""


def span_context(context: Context) -> SpanContext:
    """Return the span context of a context's span; an invalid one where it has none."""
    span: Any = context.get(_SPAN)
    return INVALID_SPAN_CONTEXT if span is None else span.get_span_context()


def only_span(context: Context) -> bool:
    """Tell whether a context has at most a span: no baggage, and nothing that anybody has suppressed."""
    return not context or (len(context) == 1 and _SPAN in context)
