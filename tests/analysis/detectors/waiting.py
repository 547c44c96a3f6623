"""Spans that say what they have waited for, as the runtime instrumentor makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from groundhog_otel.store.model import Event, Process, Span, Value
from tests.support.recorded import MS, SERVER, START, span

RENDER: Mapping[str, Value] = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "render"}
PLACE: Mapping[str, Value] = {
    "code.function.name": "app.draw",
    "code.file.path": "/srv/app.py",
    "code.line.number": 7,
}


def served(
    name: str = "tools/call nap",
    *,
    own: int,
    at_ms: float,
    ms: float,
    trace: int | None = None,
    parent: int | None = None,
    error: str | None = None,
    process: Process = SERVER,
    **attributes: Value,
) -> Span:
    """Return a server's span, in a trace of its own by default; ``__`` in an attribute's name stands for a dot."""
    made = span(
        name,
        kind="server",
        process=process,
        own=own,
        at_ms=at_ms,
        ms=ms,
        trace=trace or own,
        parent=parent,
        error=error,
    )
    method, _, target = name.partition(" ")
    named = {"gen_ai.tool.name": target} if method == "tools/call" else {}
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    return replace(made, attributes={**made.attributes, **named, **said})


def told(one: Span, name: str, at_ms: float, **attributes: Value) -> Span:
    """Return a span with one more event; ``__`` in an attribute's name stands for a dot."""
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    return replace(one, events=(*one.events, Event(name, START + int(at_ms * MS), said)))


def blocking(one: Span, *, block_ms: float, place: Mapping[str, Value] = PLACE) -> Span:
    """Return a span that has blocked its loop until its end."""
    end_ms = (one.end_ns - START) / MS
    facts = {"groundhog.event_loop.blocked.duration": block_ms / 1e3, **place}
    return told(one, "groundhog.event_loop.blocked", end_ms, **facts)


def held_up(one: Span, *, at_ms: float, block_ms: float, whose: Mapping[str, Value] = RENDER) -> Span:
    """Return a span that another has held up, until ``at_ms``."""
    facts = {"groundhog.event_loop.blocked.duration": block_ms / 1e3, **PLACE, **whose}
    return told(one, "groundhog.event_loop.held_up", at_ms, **facts)


def waited(one: Span, wait_ms: float) -> Span:
    """Return a span that has waited for a worker thread from its beginning."""
    at_ms = (one.start_ns - START) / MS + wait_ms
    return told(one, "groundhog.worker_threads.waited", at_ms, groundhog__worker_threads__wait=wait_ms / 1e3)
