"""Hooks on the legacy transport, HTTP with server-sent events (protocol 2024-11-05), in mcp 1.x and 2.x alike.

Its streams are tagged like those of other transports. Its session id is the query parameter of the endpoint that the
server hands out; there is no ``Mcp-Session-Id`` header yet.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from opentelemetry import context as context_api
from opentelemetry.context import Context

from groundhog_otel.mcp.counting import count_asgi, count_exchange, counted_send
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.propagation import extract
from groundhog_otel.mcp.streams import Tagging
from groundhog_otel.mcp.transport import Tag, http_client, http_server, same_channel

__all__ = ("session_in_query", "sse_hooks")

_FACTORY: Final = "httpx_client_factory"
_FACTORY_POSITION: Final = 4
_LARGEST_BODY: Final = 1_000_000
"""Bytes. What is larger is not parsed a second time; its HTTP span then lies below the span that connected."""


def sse_hooks(*, carries_context: bool) -> tuple[Hook, ...]:
    """Return the hooks for client and server; ``carries_context`` tells whether the SDK's own streams do (2.x)."""
    return (
        Hook("mcp.client.sse", "sse_client", partial(_client, carries_context)),
        Hook("mcp.server.sse", "SseServerTransport.connect_sse", _server),
        Hook("mcp.server.sse", "SseServerTransport.handle_post_message", count_asgi),
    )


def session_in_query(query: bytes | str) -> str | None:
    """Return the session id in the query of a message endpoint, spelled as the SDKs and older servers do."""
    pairs = parse_qs(query.decode("latin-1") if isinstance(query, bytes) else query)
    found = pairs.get("session_id") or pairs.get("sessionId")
    return found[0] if found else None


def _client(carries_context: bool, original: Callable[..., Any]) -> Callable[..., Any]:
    default = inspect.signature(original).parameters[_FACTORY].default

    def sse_client(url: str, *args: Any, **kwargs: Any) -> Any:
        connection = _Connection(url, carries_context)
        place = _FACTORY_POSITION - 1
        if len(args) > place:
            args = (*args[:place], connection.wrapped(args[place]), *args[place + 1 :])
        else:
            kwargs[_FACTORY] = connection.wrapped(kwargs.get(_FACTORY, default))
        return Tagging(original(url, *args, **kwargs), connection.tag)

    return sse_client


class _Connection:
    """One client's connection: learns what its HTTP requests tell, and gives them the context they belong to."""

    def __init__(self, url: str, carries_context: bool) -> None:
        self._url = url
        self._carries_context = carries_context
        self._session_id: str | None = None
        self.tag = Tag(http_client(url), lambda: self._session_id)

    def wrapped(self, factory: Callable[..., Any]) -> Callable[..., Any]:
        """Return the factory of HTTP clients, with an eye on each request of the clients it makes."""

        def make(*args: Any, **kwargs: Any) -> Any:
            client = factory(*args, **kwargs)
            try:
                client.send = partial(self._send, client.send)
            except Exception:
                guarded_error("sse client")
            return client

        return make

    async def _send(self, original: Callable[..., Any], request: Any, *args: Any, **kwargs: Any) -> Any:
        token = None
        try:
            if request.method == "POST":
                self._session_id = session_in_query(request.url.query)
                if not self._carries_context:
                    token = context_api.attach(_context_of(request.content))
        except Exception:
            guarded_error("sse request")
        try:
            response = await original(request, *args, **kwargs)
        finally:
            if token is not None:
                context_api.detach(token)
        try:
            self.tag.learn_http_version(self._url, response)
            count_exchange(request, response)
        except Exception:
            guarded_error("sse response")
        return response


def _context_of(body: bytes) -> Context:
    """Return the context that a message carries: 1.x posts it from a task that knows nothing of its sender."""
    params = json.loads(body).get("params") if len(body) <= _LARGEST_BODY else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return extract(meta if isinstance(meta, dict) else {}, Context())[0]


def _server(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect_sse(self: Any, scope: Mapping[str, Any], receive: Any, send: Any) -> Any:
        def tag(streams: Any) -> Tag:
            session_id = _session_of(self, streams[0])
            return Tag(http_server(scope.get("http_version")), lambda: session_id)

        return Tagging(original(self, scope, receive, counted_send(send)), tag)

    return connect_sse


def _session_of(transport: Any, read_stream: Any) -> str | None:
    """Return the id under which the transport keeps the other end of a session's stream."""
    for session_id, writer in transport._read_stream_writers.items():
        if same_channel(writer, read_stream):
            return str(session_id.hex)
    return None
