"""What stands between a transport and its wire to count bytes: it changes no byte, no error and no order of things.

Pipes: a server's two files behind the SDK's text layer, a client's two streams to its child process. HTTP: the ASGI
``receive`` and ``send`` of a server, and the ``httpx`` client that a transport was given. Where an SDK has no such
thing, nothing is counted and the SDK goes on as without us.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sized
from functools import lru_cache
from typing import Any, Final

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.traffic import PIPE_CLIENT, PIPE_SERVER, TCP_CLIENT, TCP_SERVER

__all__ = ("count_asgi", "count_exchange", "count_http_client", "count_process", "count_text")

_COUNTED: Final = "groundhog_otel.counted"


class _CountedFile:
    """A binary file, but for the counting of what is read and written."""

    def __init__(self, file: Any) -> None:
        self._file = file
        for name in ("read", "read1"):
            if hasattr(file, name):
                setattr(self, name, _after(getattr(file, name), PIPE_SERVER.receive))
        if hasattr(file, "write"):
            self.write = _before(file.write, PIPE_SERVER.transmit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _after(read: Callable[..., Any], add: Callable[[int], None]) -> Callable[..., Any]:
    def counted(*args: Any) -> Any:
        data = read(*args)
        if data:
            add(len(data))
        return data

    return counted


def _before(write: Callable[..., Any], add: Callable[[int], None]) -> Callable[..., Any]:
    def counted(data: Sized) -> Any:
        done = write(data)
        add(len(data))
        return done

    return counted


def count_text(original: Any) -> Any:
    """Stand in for the text layer over a server's standard streams: a subclass over a counted file."""

    class Counted(original):  # type: ignore[misc] # whichever class the SDK has
        def __init__(self, buffer: Any, *args: Any, **kwargs: Any) -> None:
            super().__init__(_CountedFile(buffer), *args, **kwargs)

    Counted.__name__, Counted.__qualname__ = original.__name__, original.__qualname__
    return Counted


def count_process(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for what starts a client's server process, whose streams keep their types."""

    async def start(*args: Any, **kwargs: Any) -> Any:
        process = await original(*args, **kwargs)
        try:
            _count_streams(process)
        except Exception:
            guarded_error("traffic")
        return process

    return start


def _count_streams(process: Any) -> None:
    receive, send = process.stdout.receive, process.stdin.send

    async def counted_receive(*args: Any, **kwargs: Any) -> Any:
        data = await receive(*args, **kwargs)
        PIPE_CLIENT.receive(len(data))
        return data

    async def counted_send(item: Any) -> Any:
        done = await send(item)
        PIPE_CLIENT.transmit(len(item))
        return done

    process.stdout.receive = counted_receive
    process.stdin.send = counted_send


def count_asgi(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for an ASGI application that is a method: of nested ones the outermost counts."""

    async def application(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        try:
            if scope.get("type") == "http" and _COUNTED not in scope:
                scope[_COUNTED] = True
                receive, send = _counted_receive(receive), counted_send(send)
        except Exception:
            guarded_error("traffic")
        return await original(self, scope, receive, send)

    return application


def _counted_receive(receive: Callable[[], Any]) -> Callable[[], Any]:
    async def counted() -> Any:
        message = await receive()
        body = message.get("body")
        if body:
            TCP_SERVER.receive(len(body))
        return message

    return counted


def counted_send(send: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an ASGI ``send`` that counts the bodies of responses."""

    async def counted(message: Any) -> None:
        size = len(message.get("body") or b"")  # before it is sent: who compresses it may do so in place
        await send(message)
        if size:
            TCP_SERVER.transmit(size)

    return counted


def count_http_client(client: Any, url: str) -> None:
    """Count the bodies that this ``httpx`` client exchanges with ``url``, MCP's; it may serve other purposes too."""
    place = _place(client.build_request("GET", url).url)
    places = vars(client).get(_COUNTED)
    if places is not None:
        places.add(place)
        return
    places, send = {place}, client.send

    async def counted(request: Any, *args: Any, **kwargs: Any) -> Any:
        response = await send(request, *args, **kwargs)
        try:
            if _place(request.url) in places:  # this request's: the response's, after a redirect, may be another
                count_exchange(request, response)
        except Exception:
            guarded_error("traffic")
        return response

    vars(client)[_COUNTED] = places
    client.send = counted


def _place(url: Any) -> tuple[bytes, bytes]:
    """Return what tells a server's address from others; to compare URLs as such takes ``httpx`` ten times as long."""
    return url.netloc, url.raw_path


def count_exchange(request: Any, response: Any) -> None:
    """Count what a client has sent and what it has received, or will."""
    if request.method == "POST":
        TCP_CLIENT.transmit(len(request.content))
    if response.is_stream_consumed or response.is_closed:
        TCP_CLIENT.receive(response.num_bytes_downloaded)
    else:
        response.stream = _counted_stream(response.stream.__class__)(response.stream)


@lru_cache(maxsize=8)
def _counted_stream(kind: type) -> Callable[[Any], Any]:
    """Return a class that is the same kind of stream to ``httpx``, which looks at types, and counts."""
    base: Any = next(one for one in kind.__mro__ if one.__name__ == "AsyncByteStream")

    class Counted(base):  # type: ignore[misc] # of the httpx that the SDK uses
        def __init__(self, stream: Any) -> None:
            self._counted = stream

        def __getattr__(self, name: str) -> Any:
            return getattr(self._counted, name)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            chunks = self._counted.__aiter__()
            try:
                async for chunk in chunks:
                    TCP_CLIENT.receive(len(chunk))
                    yield chunk
            finally:
                close = getattr(chunks, "aclose", None)
                if close is not None:
                    await close()

        async def aclose(self) -> None:
            await self._counted.aclose()

    return Counted
