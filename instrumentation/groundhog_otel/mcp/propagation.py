"""Trace context in ``params._meta``, by whatever propagators the process is configured with.

Source: the MCP semantic conventions, "context propagation", and SEP-414, which reserves the unprefixed keys
``traceparent``, ``tracestate`` and ``baggage``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span, set_span_in_context

from groundhog_otel.mcp.contexts import span_context
from groundhog_otel.mcp.fields import is_mapping
from groundhog_otel.mcp.w3c import read, written

__all__ = ("extract", "injected", "with_meta")

_LONGEST_VALUE: Final = 8192
"""Characters. The W3C limit for baggage; a longer value is a mistake or an attack, and is not parsed."""


def injected(context: Context | None) -> dict[str, str]:
    """Return what the configured propagators write for ``context`` (None: the current one)."""
    carrier = None if context is None else written(context)
    if carrier is None:
        carrier = {}
        propagate.inject(carrier, context=context)
    return carrier


def with_meta(params: Mapping[str, Any] | None, carrier: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Return ``params`` with the carrier merged into its ``_meta``; the caller's mappings stay as they are."""
    if not carrier:
        return params
    meta = params.get("_meta") if params else None
    if meta is not None and not is_mapping(meta):
        return params
    return {**(params or {}), "_meta": {**(meta or {}), **carrier}}


def extract(meta: Mapping[Any, Any], base: Context, *, ambient_first: bool = False) -> tuple[Context, tuple[Link, ...]]:
    """Return the context of a received message, and links to the span that it arrived within.

    The sender's span becomes the parent, and an ambient span (the HTTP server's, say) a link; with ``ambient_first``
    the other way round. Without one in ``meta`` the ambient span stays the parent. Only string values are looked at:
    ``_meta`` is anything a peer cares to send.
    """
    context = read(meta, base)
    if context is None:
        carrier = {
            key: value
            for key, value in meta.items()
            if isinstance(key, str) and isinstance(value, str) and len(value) <= _LONGEST_VALUE
        }
        if not carrier:
            return base, ()
        context = propagate.extract(carrier, context=base)
    if not base:
        return context, ()
    ambient, sender = span_context(base), span_context(context)
    if ambient[:2] == sender[:2] or not ambient.is_valid:  # the ids of trace and span
        return context, ()
    if ambient_first:
        return set_span_in_context(get_current_span(base), context), (Link(sender),)
    return context, (Link(ambient),)
