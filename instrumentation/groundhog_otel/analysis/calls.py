"""MCP requests, each from whichever of its two spans were recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from groundhog_otel import semconv
from groundhog_otel.analysis.operations import error_of, method_of
from groundhog_otel.store.model import Process, Span

__all__ = ("Call", "Caller", "calls", "number")

Caller = tuple[Process | None, Process | None, str]
"""The process that answers, that which asks, and the session or the address: as far as spans tell them."""

_Id = tuple[str, str]
_MOST: Final = 1e15
"""No size in bytes and no time in seconds is beyond it."""
_FARTHEST: Final = 16
"""Spans between a request's two: those of HTTP, of a proxy in front. More is no such thing."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    span: Span
    """The server's, where that was recorded; else the client's."""
    client: Span | None = None
    server: Span | None = None

    @property
    def name(self) -> str:
        """What its span is called."""
        return self.span.name

    @property
    def service(self) -> str:
        """The service that the span belongs to."""
        return self.span.process.service

    @property
    def start_ns(self) -> int:
        """When somebody began to wait for it, in nanoseconds since 1970."""
        if self.client is None or self.server is None:
            return self.span.start_ns
        # Two hosts' clocks may disagree: a client has asked before the server began, and waits till the server is done.
        lasted_ns = max(self.client.end_ns - self.client.start_ns, 0)
        return min(self.server.start_ns, max(self.client.start_ns, self.server.end_ns - lasted_ns))

    @property
    def waited_s(self) -> float:
        """Seconds that somebody has waited for it: at the client, where that was recorded."""
        return (self.client or self.span).duration_s

    @property
    def failed(self) -> bool:
        """Whether either side says so."""
        return any(error_of(one) is not None for one in (self.client, self.server) if one is not None)

    @property
    def tool(self) -> str | None:
        """The tool that it calls."""
        value = self.span.attributes.get(semconv.GEN_AI_TOOL_NAME)
        return value if isinstance(value, str) and value else None

    @property
    def caller(self) -> Caller:
        """Who asks whom."""
        found = [
            value
            for one in (self.server, self.client)
            if one is not None
            for key in (semconv.MCP_SESSION_ID, semconv.CLIENT_ADDRESS)
            if isinstance(value := one.attributes.get(key), str)
        ]
        return (
            None if self.server is None else self.server.process,
            None if self.client is None else self.client.process,
            found[0] if found else "",
        )

    def number(self, key: str) -> float | None:
        """Return a number that either side tells, see :func:`number`."""
        for one in (self.server, self.client):
            found = None if one is None else number(one, key)
            if found is not None:
                return found
        return None

    @property
    def digest(self) -> tuple[Process, str] | None:
        """What is the same for the same parameters, with the process to which it means something."""
        for one in (self.server, self.client):
            value = None if one is None else one.attributes.get(semconv.REQUEST_DIGEST)
            if one is not None and isinstance(value, str) and value:
                return one.process, value
        return None


def number(span: Span, key: str) -> float | None:
    """Return a size or a time that a span tells; None where that is none, or cannot be one."""
    value = span.attributes.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return float(value)


def calls(spans: Iterable[Span]) -> tuple[Call, ...]:
    """Return the requests among ``spans``, in the order in which they began; notifications are none.

    A span that was written twice is one.
    """
    by_id: dict[_Id, Span] = {}
    by_kind: dict[tuple[str, str, str], tuple[str, Span]] = {}
    for span in spans:
        own = span.trace_id, span.span_id
        if by_id.setdefault(own, span) is not span and _order(span) < _order(by_id[own]):
            by_id[own] = span  # whatever order the spans come in, the same ones find each other
        method = method_of(span)
        if method is not None and not method.startswith("notifications/"):
            key = (*own, span.kind)
            if by_kind.setdefault(key, (method, span))[1] is not span and _order(span) < _order(by_kind[key][1]):
                by_kind[key] = method, span
    requests = sorted(by_kind.values(), key=lambda one: _place(one[1]))
    found: list[Call] = []
    paired: set[int] = set()
    for method, server in requests:
        if server.kind == "server":
            client = _sender(server, method, by_id)
            if client is not None and id(client) in paired:
                client = None
            if client is not None:
                paired.add(id(client))
            found.append(Call(method, server, client, server))
    found += [
        Call(method, client, client)
        for method, client in requests
        if client.kind == "client" and id(client) not in paired
    ]
    return tuple(sorted(found, key=lambda one: (one.start_ns, one.span.trace_id, one.span.span_id)))


def _place(span: Span) -> tuple[int, str, str]:
    return span.start_ns, span.trace_id, span.span_id


def _order(span: Span) -> tuple[object, ...]:
    return *_place(span), span.kind, span.name, span.end_ns, span.process.service, span.process.pid or 0


def _sender(server: Span, method: str, by_id: Mapping[_Id, Span]) -> Span | None:
    """Return the span of the client that sent what this one received; between the two there may be those of HTTP."""
    one = server
    for _ in range(_FARTHEST):
        parent = None if one.parent_id is None else by_id.get((one.trace_id, one.parent_id))
        if parent is None:
            return None
        one = parent
        if method_of(one) is not None:
            return one if one.kind == "client" and method_of(one) == method else None
    return None
