"""From requests to their stored traces: which are there, which are whole, and why the others are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Span, Trace
from groundhog_otel.store.source import Source, Stored

__all__ = ("Link", "LookedUp", "find", "look_up", "server_spans")

_WAITS_S: Final = (0.5, 1.0, 1.5, 2.0)
"""Between one look and the next; the last again and again."""


@dataclass(frozen=True, slots=True)
class Link:
    """The way from a request to its trace."""

    request: Request
    url_or_file: str | None
    """The page in Jaeger, or the file; None when the trace was not found."""
    found: bool
    missing: str | None = None
    """What is missing, one sentence: all of the trace, or the server's part of it."""
    command: str | None = None
    """What to type to see it, where there is no page."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The traces of some requests, as far as they are stored."""

    source: Source
    traces: Mapping[str, Stored] = field(default_factory=dict)
    """By id."""
    problem: str | None = None
    """Why the source cannot be asked."""

    def spans(self, request: Request) -> tuple[Span, ...]:
        """Return the stored spans of a request's trace."""
        stored = self.traces.get(request.trace_id)
        return () if stored is None else stored.trace.spans

    def link(self, request: Request) -> Link:
        """Return the way to a request's trace."""
        stored = self.traces.get(request.trace_id)
        if stored is None:
            return Link(request, None, found=False, missing=self.problem or f"{self.source.name} does not have it")
        missing = None if server_spans(request, stored.trace.spans) else _without_server(request)
        return Link(request, stored.where, True, missing, self.source.command(request.trace_id))


def find(result: LoadResult, source: Source, *, wait_s: float = 15.0) -> tuple[Link, ...]:
    """Return the ways to the traces of a result's slowest requests, the slowest first. See :func:`look_up`."""
    found = look_up(result.slowest, source, wait_s=wait_s)
    return tuple(found.link(request) for request in result.slowest)


def look_up(
    requests: Iterable[Request],
    source: Source,
    *,
    wait_s: float = 15.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> LookedUp:
    """Look for the traces of requests until each is there with its server's span, for ``wait_s`` at most.

    A trace takes some seconds to be stored: the server sends its spans every five, unless told otherwise, and the
    Collector waits for them. Never raises: a source that does not answer, or no more, is what the links tell.
    """
    found: dict[str, Stored] = {}
    waiting = {request.trace_id: request for request in requests}
    deadline, waits = clock() + wait_s, iter(_WAITS_S)
    while True:
        try:
            found.update(source.look(waiting))
        except StoreError as error:
            return LookedUp(source, found, str(error))
        for trace_id, request in list(waiting.items()):
            stored = found.get(trace_id)
            if stored is not None and _whole(request, stored.trace):
                del waiting[trace_id]
        pause_s = next(waits, _WAITS_S[-1])
        if not waiting or clock() + pause_s > deadline:
            return LookedUp(source, found)
        sleep(pause_s)


def server_spans(request: Request, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return what the server did for a request, by its own account: the spans that it made below the client's."""
    return tuple(span for span in spans if span.kind == "server" and span.parent_id == request.span_id)


def _whole(request: Request, trace: Trace) -> bool:
    own = any(span.span_id == request.span_id for span in trace.spans)
    return own and bool(server_spans(request, trace.spans))


def _without_server(request: Request) -> str:
    if (request.error or "").startswith(("timeout", "transport")):
        return "the server's span is not in it: the server had not ended the request, or did not get it"
    return (
        "the server's span is not in it: see with `groundhog doctor -- COMMAND` whether the server is instrumented, "
        "and sends its spans to the same place"
    )
