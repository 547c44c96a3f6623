"""Messages that mcp 2.x settles before its middleware or its client session is asked.

A server refuses a request of the other protocol era, or with a bad envelope; a client's session takes the
acknowledgement of a subscription aside. And the other way round: before ``tools/call`` over modern HTTP the SDK asks
its own ``tools/list`` handler for a schema, which is no message and gets no span.

The dispatchers hold the functions that a session gave them when it began. They are looked up anew for every message, so
that sessions which existed before us are covered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.context import Context

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.noted import note
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.reading import jsonrpc_error
from groundhog_otel.mcp.session import is_client
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.mcp.transport import Peer, Tag, http_server, peer_of

__all__ = ("reached_server", "refusal_hooks")

_JSONRPC: Final = "mcp.shared.jsonrpc_dispatcher"
_DIRECT: Final = "mcp.shared.direct_dispatcher"
_MODERN: Final = "mcp.server._streamable_http_modern"

_NO_MESSAGE: Final[list[bool]] = []
_reached: ContextVar[list[bool] | None] = ContextVar("groundhog_otel_reached", default=None)
"""Of the request that this task serves: a list that is empty until the server's middleware has been asked."""


def reached_server() -> bool:
    """Take note that the middleware has been asked; False when it is asked for something that is no message."""
    mark = _reached.get()
    if mark is _NO_MESSAGE:
        return False
    if mark is not None:
        mark.append(True)
    return True


def refusal_hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return the hooks on what calls a session or a server's middleware."""
    return (
        Hook(_JSONRPC, "JSONRPCDispatcher._handle_request", partial(_request, telemetry)),
        Hook(_JSONRPC, "JSONRPCDispatcher._dispatch_notification", _notification),
        Hook(_DIRECT, "DirectDispatcher._dispatch_request", _direct),
        Hook(_DIRECT, "DirectDispatcher._dispatch_notify", _direct),
        Hook(_JSONRPC, "run_notify_intercept", partial(_taken_aside, telemetry)),
        Hook(_MODERN, "classify_inbound_request", partial(_classified, telemetry)),
        Hook(_MODERN, "_mcp_param_rejection", partial(_checked, telemetry)),
        Hook(_MODERN, "_tool_input_schema", _no_message),
    )


def _as_it_is_now(bound: Any) -> Any:
    """Return the method of a client's session as it is now: it may have been taken before we stood in for it."""
    session = getattr(bound, "__self__", None)
    return getattr(session, bound.__name__) if is_client(session) else bound


def _request(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    def _handle_request(self: Any, req: Any, dctx: Any, scope: Any, on_request: Any) -> Awaitable[None]:
        try:
            if hasattr(on_request, "__self__"):
                on_request = _as_it_is_now(on_request)
            else:  # a function of the SDK's that may refuse before it asks the server
                on_request = partial(_watched, telemetry, self, on_request)
        except Exception:
            guarded_error("inbound")
        handling: Awaitable[None] = original(self, req, dctx, scope, on_request)
        return handling

    return _handle_request


async def _watched(telemetry: Telemetry, dispatcher: Any, on_request: Callable[..., Any], *message: Any) -> Any:
    mark: list[bool] = []
    _reached.set(mark)  # for this request's own task only
    try:
        return await on_request(*message)
    except Exception as exc:
        error = jsonrpc_error(exc)
        if not mark and error is not None:
            dctx, method, params = message
            refused = {"id": dctx.request_id, "method": method, "params": params}
            _refused(telemetry, refused, peer_of(dispatcher), error.code)
        raise


def _notification(original: Callable[..., Any]) -> Callable[..., Any]:
    def _dispatch_notification(self: Any, msg: Any, metadata: Any, on_notify: Any, *args: Any) -> Any:
        try:
            on_notify = _as_it_is_now(on_notify)
        except Exception:
            guarded_error("inbound")
        return original(self, msg, metadata, on_notify, *args)

    return _dispatch_notification


def _direct(original: Callable[..., Any]) -> Callable[..., Any]:
    def dispatch(self: Any, *args: Any) -> Any:
        try:
            self._on_request, self._on_notify = _as_it_is_now(self._on_request), _as_it_is_now(self._on_notify)
        except Exception:
            guarded_error("inbound")
        return original(self, *args)

    return dispatch


def _taken_aside(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    def run_notify_intercept(intercept: Any, method: str, params: Any) -> bool:
        taken: bool = original(intercept, method, params)
        if taken:
            peer = peer_of(getattr(getattr(intercept, "__self__", None), "_dispatcher", None))
            # This runs in the receive loop: whatever is current there belongs to the connection, not to the message.
            note(telemetry, {"method": method, "params": params}, peer, base=Context())
        return taken

    return run_notify_intercept


def _classified(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    def classify_inbound_request(decoded: Any, *args: Any, **kwargs: Any) -> Any:
        verdict = original(decoded, *args, **kwargs)
        code = getattr(verdict, "code", None)
        if isinstance(code, int):
            _refused(telemetry, decoded, _over_http(), code)
        return verdict

    return classify_inbound_request


def _checked(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    async def _mcp_param_rejection(app: Any, request: Any, req: Any, *args: Any) -> Any:
        rejection = await original(app, request, req, *args)
        code = getattr(rejection, "code", None)
        if isinstance(code, int):
            message = {"id": req.id, "method": req.method, "params": req.params}
            _refused(telemetry, message, _over_http(request.scope.get("http_version")), code)
        return rejection

    return _mcp_param_rejection


def _no_message(original: Callable[..., Any]) -> Callable[..., Any]:
    async def _tool_input_schema(*args: Any, **kwargs: Any) -> Any:
        before = _reached.get()
        _reached.set(_NO_MESSAGE)
        try:
            return await original(*args, **kwargs)
        finally:
            _reached.set(before)

    return _tool_input_schema


def _over_http(version: str | None = None) -> Peer:
    return Peer(Tag(http_server(version)))


def _refused(telemetry: Telemetry, message: Mapping[str, Any], peer: Peer, code: int) -> None:
    note(telemetry, message, peer, base=context_api.get_current(), outcome=outcomes.server_error(code))
