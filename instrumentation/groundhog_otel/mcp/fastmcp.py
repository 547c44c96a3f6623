"""FastMCP (3.4 and 4.1; 2.14 makes no spans): its spans and ours, one of them per message.

FastMCP asks ``get_tracer`` of two modules for every span it makes. With ``native_spans="replace"`` we answer with a
tracer that, in place of a CLIENT span, or of a SERVER span while ours is current, opens nothing and hands FastMCP's own
attributes to our span. Spans within a message (``delegate …``, of mounted servers) are opened as ever, but without the
text of exceptions. Where no message of ours is being handled, as in ``server.call_tool()``, FastMCP's span stays.

With ``"keep"`` all of FastMCP's spans are opened as ever, and ours stand back where it makes one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, SpanKind, Status, StatusCode

from groundhog_otel import semconv
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.ownership import ANNOUNCED, Announced, offer, server_span
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.telemetry import Telemetry

__all__ = ("hooks", "makes_server_span")

_SERVER: Final = "fastmcp.server.telemetry"
_SEAM: Final = "fastmcp.span.seam"
_COMPONENTS: Final = frozenset(
    {
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "tools/call",
        "tools/list",
    }
)
"""The methods for which FastMCP 3 makes a SERVER span."""


def hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return what stands in for which function of FastMCP."""
    keep = telemetry.settings.native_spans == "keep"
    return (
        Hook("fastmcp.client.telemetry", "get_tracer", partial(_tracer_source, keep=keep)),
        *(
            ()
            if keep
            else (
                Hook(_SERVER, "get_tracer", partial(_tracer_source, keep=False)),
                Hook("fastmcp.server.sampling.run", "get_tracer", partial(_tracer_source, keep=False, step=True), True),
            )
        ),
    )


def makes_server_span(session: Any, method: str) -> bool:
    """Tell whether a FastMCP server on mcp 1.x will open a SERVER span of its own for a message."""
    return (
        method in _COMPONENTS
        and type(session).__module__.startswith("fastmcp.server.")
        and _SERVER in sys.modules  # not FastMCP 2, which has no telemetry
    )


def _tracer_source(original: Callable[..., trace.Tracer], *, keep: bool, step: bool = False) -> Callable[..., Any]:
    def get_tracer(*args: Any, **kwargs: Any) -> Any:
        tracer = original(*args, **kwargs)
        # FastMCP's telemetry_mode, or OTEL_SDK_DISABLED: it makes no spans, and there is nothing to stand in for.
        return tracer if isinstance(tracer, NoOpTracer) else _Tracer(tracer, keep=keep, step=step)

    return get_tracer


class _Tracer:
    """FastMCP's tracer, which it asks for one thing: ``start_as_current_span``."""

    def __init__(self, tracer: trace.Tracer, *, keep: bool, step: bool) -> None:
        self._tracer = tracer
        self._keep = keep
        self._step = step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracer, name)

    def start_as_current_span(self, name: str, *args: Any, kind: SpanKind = SpanKind.INTERNAL, **kwargs: Any) -> Any:
        """Open FastMCP's span, or something that stands for it."""
        open_native: Callable[..., Any] = partial(self._tracer.start_as_current_span, name, *args, **kwargs)
        attributes = kwargs.get("attributes") or {}
        if kind is SpanKind.CLIENT:
            if self._step:
                # Around the message, or around a handler of the server's own that stands in for the client.
                return _quiet(open_native)
            return _announced(partial(open_native, kind=kind), name, attributes, keep=self._keep)
        if self._keep:
            return open_native(kind=kind)
        ours = server_span()
        if ours is None:
            return open_native(kind=kind)
        if kind is SpanKind.SERVER:
            return _handed_over(ours, name, attributes)
        return _quiet(partial(open_native, kind=kind))


def _method(name: str) -> str:
    """Return the method from a span's name: FastMCP 3 sets the attributes only once the span is open."""
    return name.partition(" ")[0]


@contextmanager
def _announced(
    open_native: Callable[[], Any], name: str, attributes: Mapping[str, Any], *, keep: bool
) -> Iterator[Any]:
    outer = ANNOUNCED.get()
    announced = Announced({semconv.MCP_METHOD_NAME: _method(name), **attributes}, stands=keep, outer=outer)
    ANNOUNCED.set(announced)
    try:
        if keep:
            with open_native() as span:
                yield span
        else:
            yield _StandIn(announced.say, recording=True)
    finally:
        announced.over = True
        ANNOUNCED.set(outer)


@contextmanager
def _handed_over(ours: trace.Span, name: str, attributes: Mapping[str, Any]) -> Iterator[Any]:
    mine: set[str] = set()
    method = (getattr(ours, "attributes", None) or {}).get(semconv.MCP_METHOD_NAME)
    # FastMCP 3 lists its tools within the first call of one: what it says of the list is not said of the call.
    meant = method is None or method == _method(name)

    def say(more: Mapping[str, Any]) -> None:
        if meant:
            offer(ours, {key: value for key, value in more.items() if key != _SEAM}, mine=mine)

    stand_in = _StandIn(say, recording=ours.is_recording())
    stand_in.set_attributes(attributes)
    yield stand_in


@contextmanager
def _quiet(open_native: Callable[..., Any]) -> Iterator[Any]:
    with open_native(record_exception=False, set_status_on_exception=False) as span:
        yield _Quiet(span)


class _StandIn(trace.NonRecordingSpan):
    """What FastMCP gets in place of a span of its own: it goes nowhere, and its attributes go to ours.

    Not its status, nor its exceptions: ours says what the conventions want said, and theirs hold the exception's text.
    """

    def __init__(self, say: Callable[[Mapping[str, Any]], None], *, recording: bool) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self._say = say
        self._recording = recording

    def is_recording(self) -> bool:
        """Tell FastMCP whether attributes are worth the making."""
        return self._recording

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Hand attributes over."""
        try:
            self._say(attributes)
        except Exception:
            guarded_error("fastmcp attributes")

    def set_attribute(self, key: str, value: Any) -> None:
        """Hand one attribute over."""
        self.set_attributes({key: value})


class _Quiet:
    """A span of FastMCP's that says of an exception only that there was one: its text may hold anything."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)

    def record_exception(self, *_args: Any, **_kwargs: Any) -> None:
        """Do not record it: FastMCP sets ``error.type`` besides."""

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:  # noqa: ARG002
        """Set the status without its description."""
        self._span.set_status(status.status_code if isinstance(status, Status) else status)
