"""Bytes of MCP messages that this process sent and received: the payload beside the host's network counters.

What is counted is what crosses the wire as MCP payload: lines on a pipe, bodies of HTTP requests and responses (as
transferred, so compressed ones count compressed). HTTP headers, TLS and TCP are not in it.

Nothing is locked. Each thread adds to numbers of its own, so that no addition is lost, and no fork finds a lock held.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import ClassVar, Final, Literal
from weakref import WeakSet

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from groundhog_otel import __version__, semconv

__all__ = ("METRIC", "PIPE_CLIENT", "PIPE_SERVER", "TCP_CLIENT", "TCP_SERVER", "Route", "TrafficCounter", "totals")

METRIC: Final = "groundhog.mcp.io"

Role = Literal["client", "server"]


class Route:
    """One kind of connection: whose, over what, and the bytes of all connections of that kind in this process."""

    __slots__ = ("_received", "_sent", "role", "transport")

    def __init__(self, role: Role, transport: Literal["pipe", "tcp"]) -> None:
        self.role = role
        self.transport = transport
        self._received: dict[int, int] = {}
        self._sent: dict[int, int] = {}

    def receive(self, size: int) -> None:
        """Add bytes that came in."""
        mine, thread = self._received, get_ident()
        mine[thread] = mine.get(thread, 0) + size

    def transmit(self, size: int) -> None:
        """Add bytes that went out."""
        mine, thread = self._sent, get_ident()
        mine[thread] = mine.get(thread, 0) + size

    def observations(self) -> list[tuple[int, dict[str, str]]]:
        """Return both totals, in bytes, with their attributes; nothing for a direction that was never used."""
        shared = {semconv.NETWORK_TRANSPORT: self.transport, "groundhog.role": self.role}
        return [
            (sum(list(counts.values())), {"network.io.direction": direction, **shared})
            for direction, counts in (("receive", self._received), ("transmit", self._sent))
            if counts
        ]

    def forget(self) -> None:
        """Begin at zero, as a forked child has to: its parent reports what was before."""
        self._received.clear()
        self._sent.clear()


PIPE_CLIENT: Final = Route("client", "pipe")
PIPE_SERVER: Final = Route("server", "pipe")
TCP_CLIENT: Final = Route("client", "tcp")
TCP_SERVER: Final = Route("server", "tcp")
_ROUTES: Final = (PIPE_CLIENT, PIPE_SERVER, TCP_CLIENT, TCP_SERVER)


def _forget() -> None:
    for route in _ROUTES:
        route.forget()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)


def totals() -> list[tuple[int, dict[str, str]]]:
    """Return the bytes so far, by role, transport and direction."""
    return [one for route in _ROUTES for one in route.observations()]


class TrafficCounter:
    """The metric ``groundhog.mcp.io`` (observable counter, By), from its making until :meth:`stop`."""

    _made: ClassVar[WeakSet[MeterProvider]] = WeakSet()
    _stopped: ClassVar[bool] = True

    def __init__(self, provider: MeterProvider | None = None) -> None:
        provider = provider or metrics.get_meter_provider()
        type(self)._stopped = False
        if provider in self._made:  # the API cannot take an instrument back, so a provider gets it once
            return
        self._made.add(provider)
        meter = metrics.get_meter("groundhog_otel.mcp", __version__, provider, semconv.GENAI_SCHEMA_URL)
        observe: Callable[[CallbackOptions], Iterable[Observation]] = self._observe
        meter.create_observable_counter(
            METRIC, [observe], "By", "Bytes of MCP messages that crossed the wire, without HTTP headers"
        )

    def stop(self) -> None:
        """Report nothing any more."""
        type(self)._stopped = True

    @classmethod
    def _observe(cls, _options: CallbackOptions) -> list[Observation]:
        return [] if cls._stopped else [Observation(value, attributes) for value, attributes in totals()]
