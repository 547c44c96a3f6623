"""Where the time of requests went: a latency budget of seven parts that add up to all of it.

The client's side is known from the request's own stamps, the server's from its spans; transport is what the client
waited for and the server did not account for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from groundhog_otel.load.links.finding import server_spans
from groundhog_otel.load.links.intervals import length, within, without
from groundhog_otel.load.links.server_side import STAMPS_NS, Server, server_side
from groundhog_otel.load.results.result import Request
from groundhog_otel.store.model import Span

__all__ = ("PARTS", "Budget", "Name", "Part", "latency_budget", "middle_half", "split")

Name = Literal["schedule delay", "client", "transport", "server queue", "handler", "downstream", "unexplained"]
PARTS: Final[tuple[Name, ...]] = get_args(Name)


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
    """Of ``transport``, what was before the server took the request up, on average.

    None where one clock does not tell of both sides: the server is unknown, or its clock is off.
    """
    back_s: float | None
    """The rest of ``transport``: after the server's span, until the client has read the answer."""


def latency_budget(
    requests: Iterable[Request], spans: Callable[[Request], Sequence[Span]], *, among: Iterable[Request] = ()
) -> Budget:
    """Return where the time of ``requests`` went; ``spans`` returns those of a request's trace that are known.

    ``among`` are the other requests of the test that are remembered: the more there are, the better is it known how
    fast a request can be taken up.

    Raises:
        ValueError: there is no request.
    """
    chosen = list(requests)
    if not chosen:
        raise ValueError("a latency budget needs at least one request")
    sums = dict.fromkeys(PARTS, 0)
    servers: list[Server] = []
    fastest = _fastest((*chosen, *among), spans)
    for request in chosen:
        parts, server = split(request, spans(request), fastest_ns=fastest.get(request.operation))
        for name, part_ns in parts.items():
            sums[name] += part_ns
        if server is not None:
            servers.append(server)
    skew_ns = max((server.skew_ns for server in servers), default=0)
    one_clock = len(servers) == len(chosen) and skew_ns < STAMPS_NS
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


def split(
    request: Request, spans: Sequence[Span], *, fastest_ns: int | None = None
) -> tuple[dict[Name, int], Server | None]:
    """Return the parts of one request in nanoseconds, which add up to its response latency, and the server's side.

    ``fastest_ns``: how fast a request can be taken up, by the two clocks as they are.
    """
    sent, written, read, ended = _stamps(request)
    stamped = request.written_ns is not None and request.read_ns is not None
    parts: dict[Name, int] = dict.fromkeys(PARTS, 0)
    parts["schedule delay"] = sent - request.intended_ns
    parts["client"] = (written - sent) + (ended - read)
    waited_ns = read - written
    server = server_side(request, spans, (written, read), fastest_ns)
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


def _stamps(request: Request) -> tuple[int, int, int, int]:
    """Return when a request was sent, written, read and over; what is not known costs no time.

    Stamps that contradict each other were taken by two threads: each is at least as late as the one before it.
    """
    sent = max(request.sent_ns, request.intended_ns)
    ended = max(request.ended_ns, sent)
    written = min(max(request.written_ns or sent, sent), ended)
    return sent, written, min(max(request.read_ns or ended, written), ended), ended


def _fastest(requests: Iterable[Request], spans: Callable[[Request], Sequence[Span]]) -> dict[str, int]:
    """Return, by operation, the shortest time from the client's stamp to the start of the server's span."""
    found: dict[str, int] = {}
    for request in requests:
        starts = [span.start_ns for span in server_spans(request, spans(request))]
        if starts:
            there_ns = min(starts) - _stamps(request)[1]
            found[request.operation] = min(there_ns, found.get(request.operation, there_ns))
    return found


def _permille(amounts: Sequence[int]) -> list[int]:
    """Return the thousandths of their sum that amounts are: whole ones, 1000 together, by the largest remainders."""
    whole = sum(amounts)
    if whole == 0:
        return [0] * (len(amounts) - 1) + [1000]
    shares = [divmod(amount * 1000, whole) for amount in amounts]
    left = 1000 - sum(share for share, _ in shares)
    up = sorted(range(len(amounts)), key=lambda index: -shares[index][1])[:left]
    return [share + (index in up) for index, (share, _) in enumerate(shares)]
