"""Clients that connect anew for every call: each pays for the handshake, where one open connection would serve all.

Seen from the clients' side only: to a server, many clients that come once look the same, and are in their right. A
connection begins with its handshake, of one message or several, and counts as one too many when the call that follows
it was made by the same process before. Those that were there at the same time may all have been needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, is_command, sure
from groundhog_otel.analysis.operations import method_of
from groundhog_otel.semconv import SERVER_ADDRESS, SERVER_PORT
from groundhog_otel.store.model import Process, Recording, Span, Value

__all__ = ("detect",)

_HANDSHAKE: Final = ("initialize", "server/discover")
_LEAST_SEEN: Final = 5
"""Connections too many: fewer may be several servers in turn, or a reconnection after a failure."""
_MOST_CALLS: Final = 3
"""Calls to a connection, on average, up to which it was hardly used."""
_MOST_EVIDENCE: Final = 5


@dataclass(slots=True)
class _Client:
    """What one process sent to one address."""

    spans: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class _Connection:
    """Its handshake's messages, and the first call after it."""

    handshake: list[Span]
    call: Span
    again: bool
    """Whether such a call was made before."""

    @property
    def handshake_ms(self) -> float:
        return sum(span.duration_s for span in self.handshake) * 1000


def detect(recording: Recording) -> list[Finding]:
    """Return one finding for each service whose processes connect again and again."""
    clients: dict[tuple[Process, Value, Value], _Client] = {}
    for span in recording.spans:
        method = method_of(span) if span.kind == "client" else None
        if method is not None and (method in _HANDSHAKE or is_command(method)):
            key = (span.process, span.attributes.get(SERVER_ADDRESS), span.attributes.get(SERVER_PORT))
            clients.setdefault(key, _Client()).spans.append(span)
    seen: dict[str, list[tuple[list[_Connection], int, int]]] = {}
    for (process, *_), client in clients.items():
        connections, calls = _connections(sorted(client.spans, key=lambda span: span.start_ns))
        too_many = sum(one.again for one in connections) - (_at_once(connections) - 1)
        if too_many >= _LEAST_SEEN and calls <= _MOST_CALLS * len(connections):
            seen.setdefault(process.service, []).append((connections, too_many, calls))
    return [found for service, one in seen.items() if (found := _finding(service, one)) is not None]


def _connections(spans: Sequence[Span]) -> tuple[list[_Connection], int]:
    """Return the connections of one client that were used, and the number of its calls."""
    found: list[_Connection] = []
    handshake: list[Span] = []
    called: set[str] = set()
    calls = 0
    for span in spans:
        if method_of(span) in _HANDSHAKE:
            handshake.append(span)
            continue
        calls += 1
        if handshake:
            found.append(_Connection(handshake, span, span.name in called))
            handshake = []
        called.add(span.name)
    return found, calls


def _at_once(connections: Sequence[_Connection]) -> int:
    """Return how many connections there were at the same time at most, each until its first call was answered."""
    opened = [(one.handshake[0].start_ns, 1) for one in connections]
    changes = sorted(opened + [(max(one.call.end_ns, one.handshake[0].start_ns), -1) for one in connections])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return max(most, 1)


def _finding(service: str, seen: Sequence[tuple[list[_Connection], int, int]]) -> Finding | None:
    again = sorted(
        (one for connections, _, _ in seen for one in connections if one.again), key=lambda one: -one.handshake_ms
    )
    handshake_ms = fmean(one.handshake_ms for one in again)
    if handshake_ms < LEAST_MS:
        return None
    affected = sum(too_many for _, too_many, _ in seen)
    count, calls = sum(len(connections) for connections, *_ in seen), sum(calls for *_, calls in seen)
    return Finding(
        detector="connection_churn",
        service=service,
        target="",
        says=f"{service} connects {count} times for {calls} calls: {handshake_ms:.3g} ms of handshake each time",
        advice="Keep one client open and make all calls through it; open it where the program starts.",
        impact_ms=handshake_ms,
        affected=affected,
        confidence=sure(affected, half=_LEAST_SEEN / 2),
        evidence=tuple(
            Evidence(
                f"{one.handshake_ms:.3g} ms of handshake, then {one.call.name}, called before",
                one.handshake[0].trace_id,
                one.handshake[0].span_id,
            )
            for one in again[:_MOST_EVIDENCE]
        ),
        figures={"connections": float(count), "calls": float(calls), "handshake_ms": handshake_ms},
    )
