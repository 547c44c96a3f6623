"""The server's side of a request, on the client's clock: when it was busy, with what, and how long it let others wait.

Only lengths cross from one machine's clock to the other's. Where a server's span cannot have been when it says, its
clock is taken to be off: the span is moved, by as little as will do.

No server knows how long a request lay in a pipe or a socket before it was read. What one took longer to be taken up
than the fastest of the same operation has therefore waited; how far two clocks are apart makes no difference to that.
(It is how RFC 6817 tells queueing from distance.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from groundhog_otel.load.links.finding import server_spans
from groundhog_otel.load.links.intervals import Interval, length, union, within
from groundhog_otel.load.results.result import Request
from groundhog_otel.runtime.blocks import DURATION, HELD_UP
from groundhog_otel.runtime.loops import LAG
from groundhog_otel.runtime.workers import WAIT, WAITED
from groundhog_otel.store.model import Event, Span

__all__ = ("STAMPS_NS", "Server", "server_side")

_WAITS: Final = {HELD_UP: DURATION, WAITED: WAIT}
"""Events at the end of a wait, and the attribute that says how long it was, in seconds."""
_GIVEN_UP: Final = ("timeout", "transport")
"""Errors after which the server may well go on, whatever its clock."""
STAMPS_NS: Final = 1_000_000
"""So far off two stamps of one clock may be, each taken a little before or after what it is of."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server did for a request, on the client's clock."""

    busy: tuple[Interval, ...]
    queued: tuple[Interval, ...] = ()
    downstream: tuple[Interval, ...] = ()
    waited_ns: int = 0
    """How long the request had waited before it was taken up, at least: as far as that can be told from outside."""
    skew_ns: int = 0
    cut_ns: int = 0
    there_ns: int = 0
    """From when the client had written until the server took the request up, by its own account."""

    @property
    def unread_ns(self) -> int:
        """How much of that the request lay unread."""
        return min(self.waited_ns, self.there_ns)


def server_side(request: Request, spans: Sequence[Span], window: Interval, fastest_ns: int | None) -> Server | None:
    """Return the server's side of a request, moved and cut so that it lies within what the client waited for."""
    own = server_spans(request, spans)
    if not own:
        return None
    below = _below(own, spans)
    busy = union((span.start_ns, span.end_ns) for span in own)
    lag_ns = sum(round(_seconds(span.attributes.get(LAG)) * 1e9) for span in own)
    if not busy:
        return Server(())
    start, end = window
    shift = 0
    if busy[0][0] < start:
        shift = start - busy[0][0]
    elif busy[-1][1] > end and not (request.error or "").startswith(_GIVEN_UP):
        shift = -min(busy[-1][1] - end, busy[0][0] - start)
    found = Server(
        busy=_moved(busy, shift),
        queued=_moved((_wait(event) for span in (*own, *below) for event in span.events), shift),
        downstream=_moved(((span.start_ns, span.end_ns) for span in below if span.kind == "client"), shift),
        waited_ns=max(lag_ns, 0 if fastest_ns is None else busy[0][0] - start - fastest_ns),
        skew_ns=abs(shift),
    )
    inside = within(found.busy, [window])
    before_ns = min(found.busy[0][0], end) - start
    # Where the span had to be moved, the two ways cannot be told apart.
    there_ns = before_ns if abs(shift) < STAMPS_NS else end - start - length(inside)
    return replace(found, busy=inside, cut_ns=length(found.busy) - length(inside), there_ns=there_ns)


def _below(own: Sequence[Span], spans: Sequence[Span]) -> list[Span]:
    """Return the spans below the server's, down to those of calls to somebody else, and no further."""
    children: dict[str, list[Span]] = {}
    for span in spans:
        if span.parent_id is not None:
            children.setdefault(span.parent_id, []).append(span)
    found: list[Span] = []
    seen = {span.span_id for span in own}
    todo = list(chain.from_iterable(children.get(span.span_id, ()) for span in own))
    while todo:
        span = todo.pop()
        if span.span_id not in seen:  # damaged data may have circles
            seen.add(span.span_id)
            found.append(span)
            if span.kind != "client":
                todo.extend(children.get(span.span_id, ()))
    return found


def _wait(event: Event) -> Interval:
    duration_s = _seconds(event.attributes.get(_WAITS.get(event.name, "")))
    return event.time_ns - round(duration_s * 1e9), event.time_ns


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e9 else 0.0


def _moved(intervals: Iterable[Interval], shift: int) -> tuple[Interval, ...]:
    return union((start + shift, end + shift) for start, end in intervals)
