"""Where the time of requests went: a latency budget of seven parts that add up to all of it.

The client's side is known from the request's own stamps, the server's from its spans. Only lengths cross from one
machine's clock to the other's: the wire is what the client waited for and the server did not account for. Where the
server's span cannot have been when it says, its clock is taken to be off: the span is moved, by as little as will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal, get_args

from groundhog_otel.load.links.finding import server_spans
from groundhog_otel.load.links.intervals import Interval, length, union, within, without
from groundhog_otel.load.result import Request
from groundhog_otel.runtime.blocks import DURATION, HELD_UP
from groundhog_otel.runtime.loops import LAG
from groundhog_otel.runtime.workers import WAIT, WAITED
from groundhog_otel.store.model import Event, Span

__all__ = ("PARTS", "Budget", "Name", "Part", "latency_budget", "middle_half", "split")

Name = Literal["schedule delay", "client", "transport", "server queue", "handler", "downstream", "unexplained"]
PARTS: Final[tuple[Name, ...]] = get_args(Name)
_WAITS: Final = {HELD_UP: DURATION, WAITED: WAIT}
"""Events at the end of a wait, and the attribute that says how long it was, in seconds."""
_GIVEN_UP: Final = ("timeout", "transport")
"""Errors after which the server may well go on, whatever its clock."""
_STAMPS_NS: Final = 1_000_000
"""So far off two stamps of one clock may be, each taken a little before or after what it is of."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the budget."""

    name: Name
    seconds: float
    """Of one request, on average."""
    permille: int
    """Of the whole, in thousandths: those of all parts are 1000 together."""

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1."""
        return self.permille / 1000


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the time of some requests went, from the moment each was due."""

    parts: tuple[Part, ...]
    """In the order of ``PARTS``."""
    seconds: float
    """Of one request, on average."""
    requests: int
    joined: int
    """Those of them whose server's span is known. Of the others, all that the client waited for is unexplained."""
    clock_skew_s: float
    """By how much a server's clock was off at least, at the most; 0 where every span was when it says."""
    cut_s: float
    """How much longer a server's span was than its client has waited, at the most: that is left out."""
    there_s: float | None
    """Of ``transport``, what was before the server took the request up, on average: the wire, and lying unread there.

    None where one clock does not tell of both sides: the server is unknown, or its clock is off.
    """
    back_s: float | None
    """The rest of ``transport``: after the server's span, until the client has read the answer."""


@dataclass(frozen=True, slots=True)
class _Server:
    """What a server did for a request, on the client's clock."""

    busy: tuple[Interval, ...]
    queued: tuple[Interval, ...] = ()
    downstream: tuple[Interval, ...] = ()
    lag_ns: int = 0
    """How late its loop was when it took the request up."""
    skew_ns: int = 0
    cut_ns: int = 0
    there_ns: int = 0
    """From when the client had written until the server took the request up, by its own account."""

    @property
    def unread_ns(self) -> int:
        """How much of that the request lay unread because the loop was late; what the wire took is not known."""
        return min(self.lag_ns, self.there_ns)


def latency_budget(requests: Iterable[Request], spans: Callable[[Request], Sequence[Span]]) -> Budget:
    """Return where the time of ``requests`` went; ``spans`` returns those of a request's trace that are known.

    Raises:
        ValueError: there is no request.
    """
    chosen = list(requests)
    if not chosen:
        raise ValueError("a latency budget needs at least one request")
    sums = dict.fromkeys(PARTS, 0)
    servers: list[_Server] = []
    for request in chosen:
        parts, server = split(request, spans(request))
        for name, part_ns in parts.items():
            sums[name] += part_ns
        if server is not None:
            servers.append(server)
    skew_ns = max((server.skew_ns for server in servers), default=0)
    one_clock = len(servers) == len(chosen) and skew_ns < _STAMPS_NS
    there_ns = min(sum(server.there_ns - server.unread_ns for server in servers), sums["transport"])
    permille = _permille([sums[name] for name in PARTS])
    return Budget(
        parts=tuple(
            Part(name, sums[name] / len(chosen) / 1e9, share) for name, share in zip(PARTS, permille, strict=True)
        ),
        seconds=sum(sums.values()) / len(chosen) / 1e9,
        requests=len(chosen),
        joined=len(servers),
        clock_skew_s=skew_ns / 1e9,
        cut_s=max((server.cut_ns for server in servers), default=0) / 1e9,
        there_s=there_ns / len(chosen) / 1e9 if one_clock else None,
        back_s=(sums["transport"] - there_ns) / len(chosen) / 1e9 if one_clock else None,
    )


def middle_half(requests: Iterable[Request]) -> tuple[Request, ...]:
    """Return the typical ones among requests: without the fastest and the slowest quarter."""
    ordered = sorted(requests, key=lambda request: request.response_s)
    quarter = len(ordered) // 4
    return tuple(ordered[quarter : len(ordered) - quarter])


def split(request: Request, spans: Sequence[Span]) -> tuple[dict[Name, int], _Server | None]:
    """Return the parts of one request in nanoseconds, which add up to its response latency, and the server's side."""
    # Stamps of one clock that contradict each other were taken by two threads: each at least as late as the one before.
    sent = max(request.sent_ns, request.intended_ns)
    ended = max(request.ended_ns, sent)
    stamped = request.written_ns is not None and request.read_ns is not None
    written = min(max(request.written_ns or sent, sent), ended)
    read = min(max(request.read_ns or ended, written), ended)
    parts: dict[Name, int] = dict.fromkeys(PARTS, 0)
    parts["schedule delay"] = sent - request.intended_ns
    parts["client"] = (written - sent) + (ended - read)
    waited_ns = read - written
    server = _server(request, spans, (written, read))
    if server is None:
        parts["unexplained"] = waited_ns
        return parts, None
    queued = within(server.queued, server.busy)
    downstream = without(within(server.downstream, server.busy), queued)
    around_ns = waited_ns - length(server.busy)
    parts["server queue"] = length(queued) + server.unread_ns
    parts["downstream"] = length(downstream)
    parts["handler"] = length(server.busy) - length(queued) - length(downstream)
    # Without stamps the client's own work is in there as well, and nobody knows how much.
    parts["transport" if stamped else "unexplained"] = around_ns - server.unread_ns
    return parts, server


def _server(request: Request, spans: Sequence[Span], window: Interval) -> _Server | None:
    """Return the server's side of a request, moved and cut so that it lies within what the client waited for."""
    own = server_spans(request, spans)
    if not own:
        return None
    below = _below(own, spans)
    busy = union((span.start_ns, span.end_ns) for span in own)
    lag_ns = sum(round(_seconds(span.attributes.get(LAG)) * 1e9) for span in own)
    if not busy:
        return _Server(())
    start, end = window
    shift = 0
    if busy[0][0] < start:
        shift = start - busy[0][0]
    elif busy[-1][1] > end and not (request.error or "").startswith(_GIVEN_UP):
        shift = -min(busy[-1][1] - end, busy[0][0] - start)
    found = _Server(
        busy=_moved(busy, shift),
        queued=_moved((_wait(event) for span in (*own, *below) for event in span.events), shift),
        downstream=_moved(((span.start_ns, span.end_ns) for span in below if span.kind == "client"), shift),
        lag_ns=lag_ns,
        skew_ns=abs(shift),
    )
    inside = within(found.busy, [window])
    before_ns = inside[0][0] - start if inside else 0
    # Where the span had to be moved, the two ways cannot be told apart.
    there_ns = before_ns if abs(shift) < _STAMPS_NS else end - start - length(inside)
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


def _permille(amounts: Sequence[int]) -> list[int]:
    """Return the thousandths of their sum that amounts are: whole ones, 1000 together, by the largest remainders."""
    whole = sum(amounts)
    if whole == 0:
        return [0] * (len(amounts) - 1) + [1000]
    shares = [divmod(amount * 1000, whole) for amount in amounts]
    left = 1000 - sum(share for share, _ in shares)
    up = sorted(range(len(amounts)), key=lambda index: -shares[index][1])[:left]
    return [share + (index in up) for index, (share, _) in enumerate(shares)]
