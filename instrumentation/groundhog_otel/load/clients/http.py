"""The SDK's streams to a URL: streamable HTTP and legacy SSE, over an HTTP client that reports to a watch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any, Final

from groundhog_otel.load.clients.http_watch import HttpWatch

__all__ = ("http_streams", "sse_streams")

_LIMIT_S: Final = 30.0
"""For connecting and for writing. Reading has none: each request has its own."""


def _httpx() -> Any:
    """Return the HTTP library of the installed SDK: httpx, or httpx2."""
    module: Any = import_module("mcp.client.streamable_http")
    return getattr(module, "httpx2", None) or module.httpx


@cache
def _client_class() -> Any:
    """Return a client class of the installed library, whose requests and answers a watch sees."""
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
            if await self._groundhog_watch.answered(request, response):
                response.stream = Body(response.stream, request, self._groundhog_watch)
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

    return Client


@cache
def _tls() -> Any:
    """Return what all clients of this process verify certificates with: to read them anew for each takes 20 ms."""
    return _httpx().create_ssl_context()


def _client(watch: HttpWatch, headers: Mapping[str, str]) -> Any:
    httpx = _httpx()
    return _client_class()(
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
