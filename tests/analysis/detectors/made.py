"""Traces in which one operation makes calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from groundhog_otel.semconv import REQUEST_DIGEST
from groundhog_otel.store.model import Span
from tests.support.recorded import SERVER, span

Call = tuple[str, float, float]
"""Name, start in milliseconds from that of the operation, duration in milliseconds."""


def operation(
    trace: int, calls: Iterable[Call], *, ms: float, errors: Iterable[int] = (), name: str = "tools/call report"
) -> list[Span]:
    """Return a server's operation and its calls; those in ``errors``, counted from 0, have failed."""
    failed = set(errors)
    return [
        span(name, kind="server", process=SERVER, trace=trace, own=1, ms=ms),
        *(
            span(
                called, process=SERVER, trace=trace, own=2 + place, parent=1, at_ms=at_ms, ms=lasting,
                error="timeout" if place in failed else None,
            )
            for place, (called, at_ms, lasting) in enumerate(calls)
        ),
    ]  # fmt: skip


def chain(*calls: tuple[str, float], pause_ms: float = 0.1) -> list[Call]:
    """Return calls one after the other, of a name and a duration each."""
    found, at_ms = list[Call](), 1.0
    for name, ms in calls:
        found.append((name, at_ms, ms))
        at_ms += ms + pause_ms
    return found


def with_digest(one: Span, digest: str) -> Span:
    """Return a span that tells its request by a digest."""
    attributes: dict[str, Any] = {**one.attributes, REQUEST_DIGEST: digest}
    return replace(one, attributes=attributes)
