"""Who makes the one span of a message, where others make spans of it too.

Three others do: a framework around the SDK that opens its own span before the message is sent (``Announced``), one that
opens its own while the message is handled (found by ``server_span``), and an agent framework whose ``execute_tool``
span the conventions allow us to use instead of opening another (``execute_tool_span``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context

from groundhog_otel import semconv

__all__ = (
    "ANNOUNCED",
    "Announced",
    "announced_for",
    "execute_tool_span",
    "no_message",
    "offer",
    "server_span",
    "with_server_span",
)

_SERVER_SPAN: Final = context_api.create_key("groundhog-otel-server-span")
_FOREIGN: Final = ("fastmcp.", "enduser.")
_TARGETS: Final = (semconv.GEN_AI_TOOL_NAME, semconv.GEN_AI_PROMPT_NAME)


class Announced:
    """Somebody else's span for a request that is about to be sent; ours may stand in for it, or stand back."""

    __slots__ = ("_ours", "_within", "attributes", "outer", "over", "stands")

    def __init__(self, attributes: Mapping[str, Any], *, stands: bool, outer: Announced | None) -> None:
        self.attributes = dict(attributes)
        """What is said of the span; says which message is meant, too, so it is filled in before that is sent."""
        self.stands = stands
        """Whether that span is really there: then ours must not be."""
        self.outer = outer
        self.over = False
        """Tasks that were started meanwhile inherit the announcement, and may outlive it."""
        self._within = server_span()
        self._ours: list[trace.Span] = []

    def means(self, method: str, target: str | None) -> bool:
        """Tell whether it is this message that was announced, and not another that has to be sent before it."""
        if self.over or server_span() is not self._within:  # a server in this process may be handling it by now
            return False
        told = next((self.attributes[key] for key in _TARGETS if key in self.attributes), None)
        return self.attributes.get(semconv.MCP_METHOD_NAME) == method and (told is None or told == target)

    def adopt(self, ours: trace.Span) -> None:
        """Hand what was said, and what will be, to our span of the message."""
        self._ours.append(ours)
        announced: Announced | None = self
        while announced is not None:  # a proxy announces, and then the client that it sends with
            offer(ours, announced.attributes)
            announced = announced.outer

    def say(self, attributes: Mapping[str, Any]) -> None:
        """Take note of more attributes."""
        self.attributes.update(attributes)
        for ours in self._ours:
            offer(ours, attributes)


ANNOUNCED: Final[ContextVar[Announced | None]] = ContextVar("groundhog_otel_announced", default=None)


def announced_for(method: str, target: str | None) -> Announced | None:
    """Return what was announced of a message that is being sent; None for one that nobody announced."""
    announced = ANNOUNCED.get()
    return announced if announced is not None and announced.means(method, target) else None


def with_server_span(context: Context, span: trace.Span) -> Context:
    """Return ``context`` with a note of which span is ours for the message being handled."""
    return context_api.set_value(_SERVER_SPAN, span, context)


def server_span() -> trace.Span | None:
    """Return our SERVER span of the message being handled in the current context; None once that has ended."""
    span = context_api.get_value(_SERVER_SPAN)
    if not isinstance(span, trace.Span):
        return None
    # One that was not sampled never records, so it cannot be asked whether it has ended.
    return span if span.is_recording() or not span.get_span_context().trace_flags.sampled else None


@contextmanager
def no_message() -> Iterator[None]:
    """Keep others, too, from making a SERVER span: what is being handled is no message, but the SDK's own question."""
    token = context_api.attach(with_server_span(context_api.get_current(), trace.INVALID_SPAN))
    try:
        yield
    finally:
        context_api.detach(token)


def offer(span: trace.Span, attributes: Mapping[str, Any], *, mine: set[str] | None = None) -> None:
    """Set the framework's own attributes on a span of ours; the first who says a thing is right.

    So the server that a message was for is named, and not one mounted into it. ``mine`` are the names that the same
    speaker has set before, and may correct.
    """
    there = getattr(span, "attributes", None) or {}
    for key, value in attributes.items():
        if key.startswith(_FOREIGN) and (key not in there or (mine is not None and key in mine)):
            span.set_attribute(key, value)
            if mine is not None:
                mine.add(key)


def execute_tool_span(tool: str | None) -> trace.Span | None:
    """Return the current span if it is an agent framework's ``execute_tool`` span for ``tool``.

    Source: the MCP semantic conventions, which then want the MCP attributes on that span, and no second one.
    """
    span = trace.get_current_span()
    attributes = getattr(span, "attributes", None)  # the SDK's spans can be read, the API's cannot
    if tool is None or not attributes or not span.is_recording():
        return None
    found = attributes.get(semconv.GEN_AI_OPERATION_NAME), attributes.get(semconv.GEN_AI_TOOL_NAME)
    return span if found == ("execute_tool", tool) else None
