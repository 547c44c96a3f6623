"""The context in the headers of an HTTP request: for callers that know of tracing, but not of MCP's ``_meta``.

An HTTP server's instrumentation takes it from there and makes a span, which is current then. Without one we look
ourselves, or the trace would end at the server's door.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span

from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("parent_over_http",)

_LONGEST_VALUE: Final = 8192
"""Bytes. As in ``_meta``: a longer value is a mistake or an attack."""


def parent_over_http(
    telemetry: Telemetry, meta: Any, scope: Mapping[str, Any], base: Context
) -> tuple[Context, tuple[Link, ...]]:
    """Return the parent of a message that came over HTTP, and its links; ``base`` is the context it arrived in.

    The headers stand in for a span around the request, where there is none: after ``_meta``, or, where the ambient
    span is to be the parent, before it. ``scope`` is the request's, as ASGI has it.
    """
    if telemetry.settings.server_parent == "ambient":
        return telemetry.parent_of(meta, _with_headers(scope, base))
    parent, links = telemetry.parent_of(meta, base)
    return _with_headers(scope, parent), links


def _with_headers(scope: Mapping[str, Any], context: Context) -> Context:
    if get_current_span(context).get_span_context().is_valid:
        return context
    carrier = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope.get("headers", ())
        if len(value) <= _LONGEST_VALUE
    }
    return propagate.extract(carrier, context=context)
