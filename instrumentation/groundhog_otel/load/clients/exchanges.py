"""What passes between client and transport: thin wrappers around the two streams that a transport yields.

They stamp requests and answers with the time, keep each answer as it was on the wire, and see when the transport ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

import anyio

from groundhog_otel.load.session import ErrorClass

__all__ = ("CURRENT", "Exchange", "Exchanges", "Failure", "Incoming", "Outgoing")

_GRACE_S: Final = 0.05
"""How long the SDK has to end a request by itself once its failure is known. Some releases never do."""


class Failure(NamedTuple):
    """Why the transport cannot answer."""

    detail: str
    message: str
    error: ErrorClass = "transport"


class Exchange:
    """A request under way."""

    __slots__ = ("failure", "id", "meta", "method", "nonsense", "read_ns", "result", "scope", "written_ns")

    def __init__(self, method: str, meta: Mapping[str, str], scope: anyio.CancelScope) -> None:
        self.method = method
        self.meta = meta
        self.scope = scope
        self.id: Any = None
        self.written_ns: int | None = None
        self.read_ns: int | None = None
        self.result: Mapping[str, Any] | None = None
        self.failure: Failure | None = None
        self.nonsense: Exception | None = None
        """The first thing that was read meanwhile and was no message: perhaps what should have been the answer."""

    def fail(self, failure: Failure) -> None:
        """End the request, if nothing else does within a moment."""
        if self.failure is None and self.read_ns is None:
            self.failure = failure
            asyncio.get_running_loop().call_later(_GRACE_S, self._give_up)

    def _give_up(self) -> None:
        if self.read_ns is None:
            self.scope.cancel()


CURRENT: Final[ContextVar[Exchange | None]] = ContextVar("groundhog_load_exchange", default=None)
"""The exchange on whose behalf this task talks to the SDK."""


class Exchanges:
    """All requests of a session that are under way, and how its transport fares."""

    def __init__(self) -> None:
        self.pending: set[Exchange] = set()
        self.by_id: dict[Any, Exchange] = {}
        self.nonsense: Exception | None = None
        """The first thing the transport has read that was no message."""
        self.ended: Failure | None = None
        """Why nothing can be answered any more."""
        self.on_nonsense: Callable[[], None] | None = None
        self.notifications = 0
        """That the server has sent."""

    def begin(self, exchange: Exchange) -> None:
        """Keep an exchange until :meth:`forget`."""
        self.pending.add(exchange)

    def forget(self, exchange: Exchange) -> None:
        """Let go of an exchange that is over."""
        self.pending.discard(exchange)
        if self.by_id.get(exchange.id) is exchange:
            del self.by_id[exchange.id]

    def end(self, failure: Failure) -> None:
        """Say that the transport is gone, and fail what waits for it. The first reason counts."""
        if self.ended is None:
            self.ended = failure
        for exchange in self.pending:
            exchange.fail(self.ended)

    def broke_off(self, error: BaseException | None) -> None:
        """Say that the transport has ended by itself, with ``error`` if it was not in order."""
        while grouped := getattr(error, "exceptions", None):
            error = grouped[0]
        kind, words = "ConnectionClosed", "the connection was closed"
        if error is not None and not isinstance(error, asyncio.CancelledError):
            kind = type(error).__name__
            words = (
                f"the connection broke off ({kind}: {error})" if str(error) else f"the connection broke off ({kind})"
            )
        self.end(Failure(kind, words))

    def read(self, item: Any) -> None:
        """Note what has come off the transport."""
        now = perf_counter_ns()
        if isinstance(item, Exception):
            if self.nonsense is None:
                self.nonsense = item
            for waiting in self.pending:
                waiting.nonsense = waiting.nonsense or item
            if self.on_nonsense is not None:
                self.on_nonsense()
            return
        message = getattr(item.message, "root", item.message)
        if hasattr(message, "method"):
            self.notifications += not hasattr(message, "id")
            return
        exchange = self.by_id.get(message.id)
        if exchange is not None and exchange.read_ns is None:
            exchange.read_ns = now
            exchange.result = getattr(message, "result", None)

    def writing(self, item: Any) -> Exchange | None:
        """Return the exchange whose request ``item`` is; its ``_meta`` is what was asked for, whoever touched it."""
        exchange = CURRENT.get()
        if exchange is None:
            return None
        message = getattr(item.message, "root", item.message)
        if getattr(message, "method", None) != exchange.method or not hasattr(message, "id"):
            return None
        if exchange.meta:
            params = message.params
            if params is None:
                params = message.params = {}
            params.setdefault("_meta", {}).update(exchange.meta)
        exchange.id = message.id
        self.by_id[message.id] = exchange
        return exchange


class _Stream:
    """What both wrappers leave to the stream inside."""

    __slots__ = ("_exchanges", "_inner")

    def __init__(self, inner: Any, exchanges: Exchanges) -> None:
        self._inner = inner
        self._exchanges = exchanges

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def aclose(self) -> None:
        """Close the stream inside."""
        await self._inner.aclose()

    async def __aenter__(self) -> Any:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> Any:
        return await self._inner.__aexit__(*error)


class Outgoing(_Stream):
    """The stream to the transport."""

    __slots__ = ()

    async def send(self, item: Any) -> None:
        """Hand a message to the transport, and note when it has taken it."""
        exchange = self._exchanges.writing(item)
        await self._inner.send(item)
        if exchange is not None:
            exchange.written_ns = perf_counter_ns()


class Incoming(_Stream):
    """The stream from the transport."""

    __slots__ = ()

    async def receive(self) -> Any:
        """Return the next message, noted."""
        try:
            item = await self._inner.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._exchanges.end(Failure("ConnectionClosed", "the connection was closed"))
            raise
        self._exchanges.read(item)
        return item

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None
