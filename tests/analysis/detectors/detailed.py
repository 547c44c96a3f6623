"""Requests with the detail attributes, made by hand: both spans, or one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Literal

from groundhog_otel import semconv
from groundhog_otel.store.model import Process, Recording, Span
from tests.support.recorded import CLIENT, SERVER, recording, span

__all__ = ("CLIENT", "SERVER", "Maker", "recording", "span")

Side = Literal["both", "client", "server"]


class Maker:
    """Makes requests, each in a trace of its own."""

    def __init__(self, *, server: Process = SERVER, client: Process = CLIENT, first: int = 1) -> None:
        self.server = server
        self.client = client
        self._numbers: Iterator[int] = count(first)

    def __call__(
        self,
        name: str = "tools/call read",
        *,
        at_ms: float = 0,
        ms: float = 10,
        wire_ms: float = 1,
        side: Side = "both",
        digest: str | None = "a" * 16,
        request: int | None = 20,
        response: int | None = 100,
        ttl_s: float | None = None,
        cpu_s: float | None = None,
        delay_s: float | None = None,
        session: str | None = None,
        error: str | None = None,
        **attributes: Any,
    ) -> tuple[Span, ...]:
        """Return the spans of a request that its server takes ``ms`` for, and its client ``wire_ms`` more."""
        number = next(self._numbers)
        method, _, target = name.partition(" ")
        detail = {
            semconv.REQUEST_DIGEST: digest,
            semconv.REQUEST_SIZE: request,
            semconv.RESPONSE_SIZE: response,
            semconv.RESULT_TTL: ttl_s,
            semconv.MCP_SESSION_ID: session,
            semconv.GEN_AI_TOOL_NAME: target if method == "tools/call" else None,
            **attributes,
        }
        found = {key: value for key, value in detail.items() if value is not None}
        parent = None if side == "server" else 2 * number
        sent = span(name, process=self.client, ms=ms + wire_ms, at_ms=at_ms, trace=number, own=2 * number, error=error)
        received = span(
            name,
            kind="server",
            process=self.server,
            ms=ms,
            at_ms=at_ms + wire_ms / 2,
            trace=number,
            own=2 * number + 1,
            parent=parent,
            error=error,
        )
        times = {semconv.CPU_TIME: cpu_s, semconv.CPU_DELAY: delay_s}
        used = {key: value for key, value in times.items() if value is not None}
        both = (
            replace(sent, attributes={**sent.attributes, **found}),
            replace(received, attributes={**received.attributes, **found, **used}),
        )
        return both if side == "both" else both[:1] if side == "client" else both[1:]

    def many(
        self, times: int, name: str = "tools/call read", *, at_ms: float = 0, every_ms: float = 100, **rest: Any
    ) -> list[Span]:
        """Return the spans of as many requests, one after the other."""
        return [one for index in range(times) for one in self(name, at_ms=at_ms + index * every_ms, **rest)]


def recorded(*spans: Span) -> Recording:
    """Return a recording of these spans."""
    return recording(spans)
