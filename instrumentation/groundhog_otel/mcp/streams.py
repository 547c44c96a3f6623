"""Hooks on the transports of mcp 1.x and 2.x alike: they tag streams with their transport, and count their bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Final

from groundhog_otel.mcp.counting import count_asgi, count_http_client, count_process, count_text
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.transport import STDIO, Tag, http_client, tag_stream, tag_streams

__all__ = ("Tagging", "transport_hooks")

_HTTP: Final = "mcp.client.streamable_http"


def transport_hooks() -> tuple[Hook, ...]:
    """Return the hooks on whatever makes or serves a transport's streams."""
    stdio = partial(_tagging, Tag(STDIO))
    return (
        Hook("mcp.client.stdio", "stdio_client", stdio),
        Hook("mcp.server.stdio", "stdio_server", stdio),
        Hook(_HTTP, "StreamableHTTPTransport.post_writer", _http_writer),
        Hook(_HTTP, "StreamableHTTPTransport._handle_json_response", _http_response),
        Hook(_HTTP, "StreamableHTTPTransport._handle_sse_response", _http_response),
        Hook("mcp.server.stdio", "TextIOWrapper", count_text),
        Hook("mcp.server.stdio", "_UnownedTextWrapper", count_text, optional=True),  # newer releases' own
        Hook("mcp.client.stdio", "_create_platform_compatible_process", count_process),
        Hook("mcp.server.streamable_http_manager", "StreamableHTTPSessionManager.handle_request", count_asgi),
        Hook("mcp.server.streamable_http_manager", "StreamableHTTPASGIApp.__call__", count_asgi, optional=True),
    )


class Tagging:
    """A transport's own context manager, but for the tag on the streams it yields."""

    def __init__(self, manager: Any, tag: Tag | Callable[[Any], Tag]) -> None:
        self._manager = manager
        self._tag = tag

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def __aenter__(self) -> Any:
        streams = await self._manager.__aenter__()
        try:
            tag_streams(streams, self._tag if isinstance(self._tag, Tag) else self._tag(streams))
        except Exception:
            guarded_error("tag")
        return streams

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        return await self._manager.__aexit__(kind, exc, traceback)


def _tagging(tag: Tag, original: Callable[..., Any]) -> Callable[..., Any]:
    def transport(*args: Any, **kwargs: Any) -> Any:
        return Tagging(original(*args, **kwargs), tag)

    return transport


def _http_writer(original: Callable[..., Any]) -> Callable[..., Any]:
    async def post_writer(self: Any, client: Any, write_stream_reader: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            tag = Tag(http_client(self.url), lambda: self.session_id)
            self.__dict__["_groundhog_tag"] = tag
            tag_stream(write_stream_reader, tag)
            count_http_client(client, self.url)
        except Exception:
            guarded_error("tag")
        return await original(self, client, write_stream_reader, *args, **kwargs)

    return post_writer


def _http_response(original: Callable[..., Any]) -> Callable[..., Any]:
    def handle_response(self: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            tag = self.__dict__.get("_groundhog_tag")
            if tag is not None:
                tag.learn_http_version(self.url, response)
        except Exception:
            guarded_error("http version")
        return original(self, response, *args, **kwargs)

    return handle_response
