"""What mcp 1.x loses of the context on its way through the HTTP transports, kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry import context as context_api
from opentelemetry.context import Context

from groundhog_otel.mcp.fields import is_mapping
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.propagation import extract
from groundhog_otel.mcp.sse import session_in_query

__all__ = ("HttpRequest", "client_post", "remember_context", "remember_sse_context")

_KEY: Final = "groundhog_otel.request"


class HttpRequest(NamedTuple):
    """The HTTP request that a server's message arrived in."""

    scope: Mapping[str, Any]
    context: Context
    """Current when the request came in: the HTTP instrumentation's span, where there is one."""
    session_id: str | None

    @classmethod
    def of(cls, message_metadata: Any) -> HttpRequest | None:
        """Return the request that the SDK attached to a message, None for other transports."""
        if message_metadata is None:  # not HTTP
            return None
        scope = getattr(getattr(message_metadata, "request_context", None), "scope", None)
        if not is_mapping(scope):
            return None
        context, session_id = scope.get(_KEY, (Context(), None))
        return cls(scope, context, session_id)


def remember_context(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``StreamableHTTPServerTransport.handle_request``, a public ASGI entry."""

    async def handle_request(self: Any, scope: Any, receive: Any, send: Any) -> None:
        # The transport's own id, not the header's: a stateless one has none, whatever a client may send.
        _remember(scope, lambda: getattr(self, "mcp_session_id", None))
        await original(self, scope, receive, send)

    return handle_request


def remember_sse_context(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``SseServerTransport.handle_post_message``, a public ASGI entry."""

    async def handle_post_message(self: Any, scope: Any, receive: Any, send: Any) -> None:
        _remember(scope, lambda: session_in_query(scope["query_string"]))
        await original(self, scope, receive, send)

    return handle_post_message


def _remember(scope: Any, session_id: Callable[[], str | None]) -> None:
    try:
        scope[_KEY] = (context_api.get_current(), session_id())
    except Exception:
        guarded_error("http server")


def client_post(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``StreamableHTTPTransport._handle_post_request``, which runs in the transport's own task.

    The message says whose it is: its ``_meta`` carries the context of the span that sent it.
    """

    async def _handle_post_request(self: Any, ctx: Any) -> None:
        token = None
        try:
            params = getattr(ctx.session_message.message.root, "params", None)
            meta = params.get("_meta") if isinstance(params, dict) else None
            if isinstance(meta, dict):
                token = context_api.attach(extract(meta, Context())[0])
        except Exception:
            guarded_error("http client")
        try:
            await original(self, ctx)
        finally:
            if token is not None:
                context_api.detach(token)

    return _handle_post_request
