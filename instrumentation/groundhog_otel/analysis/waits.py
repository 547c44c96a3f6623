"""What a span says of waits whose cause is known: a blocked event loop, worker threads that were all taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from groundhog_otel.runtime.blocks import BLOCKED, DURATION, HELD_UP
from groundhog_otel.runtime.loops import LAG
from groundhog_otel.runtime.workers import WAIT, WAITED
from groundhog_otel.store.model import Event, Span, Value

__all__ = ("blocks_of", "explained", "held_up_of", "lag_s", "named_s", "number", "thread_wait_s")

_NOTHING_S: Final = 0.01
"""Seconds: a busy machine keeps a thread or a timer waiting so long now and then, without anybody's fault."""


def number(value: Value) -> float:
    """Return the number that an attribute is; 0 when it is none."""
    return float(value) if isinstance(value, int | float) else 0.0


def blocks_of(span: Span) -> Iterator[tuple[Event, float]]:
    """Yield each time that an operation has blocked its event loop, and for how many seconds."""
    return _lasting(span, BLOCKED)


def held_up_of(span: Span) -> Iterator[tuple[Event, float]]:
    """Yield each time that an operation was held up by another in its event loop, and for how many seconds."""
    return _lasting(span, HELD_UP)


def lag_s(span: Span) -> float:
    """Return how late the event loop was when it took up the message; seconds."""
    return number(span.attributes.get(LAG))


def thread_wait_s(span: Span) -> float:
    """Return how long an operation has waited for worker threads; seconds."""
    return sum(number(event.attributes.get(WAIT)) for event in span.events if event.name == WAITED)


def explained(span: Span) -> bool:
    """Tell whether a span was slow for a cause that it names: of other causes its duration says nothing."""
    return thread_wait_s(span) >= _NOTHING_S or any(event.name in (BLOCKED, HELD_UP) for event in span.events)


def named_s(span: Span) -> float:
    """Return for how long, in seconds, an operation has waited for causes that it names, before its span and within."""
    return lag_s(span) + thread_wait_s(span) + sum(held_s for _, held_s in held_up_of(span))


def _lasting(span: Span, name: str) -> Iterator[tuple[Event, float]]:
    return ((event, number(event.attributes.get(DURATION))) for event in span.events if event.name == name)
