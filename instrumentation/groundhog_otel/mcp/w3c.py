"""The plain case of the default propagators: a ``traceparent`` and nothing else, read and written without them.

That is nearly every message, and by this way it costs a third. Where the process has set other propagators, or anything
is out of the ordinary, both functions return None and the propagators are to be asked: nothing is decided here that
they would decide otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from opentelemetry import baggage, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import (
    DEFAULT_TRACE_STATE,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from groundhog_otel.mcp.contexts import only_span, span_context

__all__ = ("read", "written")

_TRACEPARENT: Final = "traceparent"
_parsed: Final = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})").fullmatch
_FLAGS: Final = {f"{bits:02x}": TraceFlags(bits) for bits in range(256)}
_IN_HEX: Final[dict[int, str]] = {flags: text for text, flags in _FLAGS.items()}


def read(meta: Mapping[Any, Any], base: Context) -> Context | None:
    """Return ``base`` with the sender's span of ``meta``."""
    value = meta.get(_TRACEPARENT)
    if not isinstance(value, str) or "tracestate" in meta or "baggage" in meta:
        return None
    match = _parsed(value)
    if match is None or not _is_default(propagate.get_global_textmap()):
        return None
    trace_id, span_id, flags = match.groups()
    sender = SpanContext(int(trace_id, 16), int(span_id, 16), True, _FLAGS[flags])
    return set_span_in_context(NonRecordingSpan(sender), base) if sender.is_valid else None


def written(context: Context) -> dict[str, str] | None:
    """Return the carrier for the span of ``context``."""
    trace_id, span_id, _, trace_flags, state, is_valid = span_context(context)  # a tuple costs less than its properties
    flags = _IN_HEX.get(trace_flags)
    if not is_valid or flags is None or (state is not DEFAULT_TRACE_STATE and state):
        return None
    if (not only_span(context) and baggage.get_all(context)) or not _is_default(propagate.get_global_textmap()):
        return None
    # What `:032x` gives, at half the price.
    return {_TRACEPARENT: f"00-{trace_id.to_bytes(16, 'big').hex()}-{span_id.to_bytes(8, 'big').hex()}-{flags}"}


@lru_cache(maxsize=4)
def _is_default(propagator: object) -> bool:
    """Tell whether a process that has chosen ``propagator`` does as OpenTelemetry does when nobody has chosen."""
    parts = getattr(propagator, "_propagators", ()) if type(propagator) is CompositePropagator else ()
    return [*map(type, parts)] == [TraceContextTextMapPropagator, W3CBaggagePropagator]
