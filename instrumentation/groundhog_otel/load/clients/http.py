"""Servers that are a URL: streamable HTTP and legacy SSE, over an HTTP client that says how each request fares.

The SDK tells a caller little of it, and some releases leave a request waiting for an answer that can no longer come.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any, Final

from groundhog_otel.load.clients.exchanges import Exchanges, Failure
from groundhog_otel.load.clients.failures import causes

__all__ = ("HttpWatch", "Trouble", "http_streams", "sse_streams")

_ANSWER_S: Final = 1.0
"""How long the answer that a response has brought may take to reach the session."""
_LIMIT_S: Final = 30.0
"""For connecting and for writing. Reading has none: each request has its own."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an HTTP request met with."""

    method: str
    rpc: str | None = None
    """The method of the JSON-RPC request that it carried."""
    status: int | None = None
    content_type: str = ""
    error: BaseException | None = None


class HttpWatch:
    """Sees every HTTP request of a session."""

    def __init__(self, exchanges: Exchanges, *, answers_in_response: bool) -> None:
        self._exchanges = exchanges
        self._answers_in_response = answers_in_response
        self.troubles: list[Trouble] = []
        """Of the handshake."""
        self.connecting = True
        self.on_trouble: Callable[[Trouble], None] | None = None

    def failed(self, request: Any, error: BaseException) -> None:
        """Note that a request or its response broke off."""
        failure = Failure(type(error).__name__, f"{type(error).__name__}: {error}")
        self._note(request, Trouble(request.method, error=error), failure)
        if not self.connecting and any(isinstance(one, ConnectionRefusedError) for one in causes(error)):
            self._exchanges.end(failure)

    async def answered(self, request: Any, response: Any) -> None:
        """Note the status of a response, and follow its body."""
        status, kind = response.status_code, response.headers.get("content-type", "").lower()
        if status >= 400:
            said = _json(await response.aread()) if kind.startswith("application/json") else {}
            error = said.get("error")
            rpc_error = error if isinstance(error, dict) and "code" in error else None
            if rpc_error is None:
                failure = Failure(f"HTTP {status}", f"HTTP {status} {response.reason_phrase}".strip())
            else:
                failure = Failure(str(rpc_error["code"]), str(rpc_error.get("message")), "jsonrpc")
            self._note(request, Trouble(request.method, status=status, content_type=kind), failure)
            if status == 404 and request.method == "POST" and "mcp-session-id" in request.headers:
                self._exchanges.end(Failure("HTTP 404", "the server no longer knows the session (HTTP 404)"))
        elif request.method == "POST" and status < 300 and self._answers_in_response:
            if status == 202:
                self.drained(request)
            elif kind.startswith(("application/json", "text/event-stream")):
                response.stream = _classes()[1](response.stream, request, self)
            else:
                failure = Failure("content type", f"the answer is of content type {kind or 'none'}")
                self._note(request, Trouble("POST", status=status, content_type=kind), failure)

    def _note(self, request: Any, trouble: Trouble, failure: Failure) -> None:
        sent = _sent(request)
        exchange = self._exchanges.by_id.get(sent.get("id"))
        if exchange is not None and request.method == "POST":
            exchange.fail(failure)
        if self.connecting:
            found = replace(trouble, rpc=sent.get("method"))
            self.troubles.append(found)
            if self.on_trouble is not None:
                self.on_trouble(found)

    def drained(self, request: Any) -> None:
        """Note that a response is over: its answer is on its way, or never comes."""
        asyncio.get_running_loop().call_later(_ANSWER_S, self._unanswered, request)

    def _unanswered(self, request: Any) -> None:
        sent = _sent(request)
        if "id" not in sent or "method" not in sent:
            return
        exchange = self._exchanges.by_id.get(sent["id"])
        if exchange is not None:
            exchange.fail(Failure("no answer", "the response ended without an answer"))
        elif self.connecting:
            self._note(request, Trouble("POST"), Failure("no answer", ""))


def _sent(request: Any) -> Mapping[str, Any]:
    """Return the JSON-RPC message that a request carries."""
    return _json(request.content) if request.method == "POST" else {}


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _httpx() -> Any:
    """Return the HTTP library of the installed SDK: httpx, or httpx2."""
    module: Any = import_module("mcp.client.streamable_http")
    return getattr(module, "httpx2", None) or module.httpx


@cache
def _classes() -> tuple[Any, Any]:
    """Return a client class that reports to a watch, and a stream class that does."""
    httpx = _httpx()
    client_class: Any = httpx.AsyncClient
    stream_class: Any = httpx.AsyncByteStream

    class Client(client_class):  # type: ignore[misc]
        def __init__(self, watch: HttpWatch, **options: Any) -> None:
            super().__init__(**options)
            self._groundhog_watch = watch

        async def send(self, request: Any, **options: Any) -> Any:
            try:
                response = await super().send(request, **options)
            except Exception as error:
                self._groundhog_watch.failed(request, error)
                raise
            await self._groundhog_watch.answered(request, response)
            return response

    class Body(stream_class):  # type: ignore[misc]
        def __init__(self, inner: Any, request: Any, watch: HttpWatch) -> None:
            self._inner = inner
            self._request = request
            self._watch = watch

        async def __aiter__(self) -> AsyncIterator[bytes]:
            resumable = False
            try:
                async for chunk in self._inner:
                    # An event with an id can be asked for again, on another connection.
                    resumable = resumable or chunk.startswith(b"id:") or b"\nid:" in chunk
                    yield chunk
            except Exception as error:
                self._watch.failed(self._request, error)
                raise
            if not resumable:
                self._watch.drained(self._request)

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Client, Body


@cache
def _tls() -> Any:
    """Return what all clients of this process verify certificates with: to read them anew for each takes 20 ms."""
    return _httpx().create_ssl_context()


def _client(watch: HttpWatch, headers: Mapping[str, str]) -> Any:
    httpx = _httpx()
    return _classes()[0](
        watch,
        headers=dict(headers),
        # The SDK's own client has at most a hundred connections: the rest of a burst would wait in it, unseen.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        timeout=httpx.Timeout(_LIMIT_S, read=None),
        verify=_tls(),
        follow_redirects=True,
    )


@asynccontextmanager
async def http_streams(url: str, watch: HttpWatch, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """Yield the streams of the SDK's streamable HTTP client."""
    module: Any = import_module("mcp.client.streamable_http")
    connect: Any = getattr(module, "streamable_http_client", None)
    async with AsyncExitStack() as opened:
        if connect is not None and "http_client" in signature(connect).parameters:
            client = await opened.enter_async_context(_client(watch, headers))
            yield await opened.enter_async_context(connect(url, http_client=client))
        else:
            transport = module.streamablehttp_client(url, httpx_client_factory=lambda **_: _client(watch, headers))
            yield await opened.enter_async_context(transport)


@asynccontextmanager
async def sse_streams(url: str, watch: HttpWatch, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """Yield the streams of the SDK's client for the transport of 2024-11-05."""
    module: Any = import_module("mcp.client.sse")
    async with module.sse_client(url, httpx_client_factory=lambda **_: _client(watch, headers)) as streams:
        yield streams
