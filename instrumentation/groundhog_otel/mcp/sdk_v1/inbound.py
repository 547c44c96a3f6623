"""Messages that mcp 1.x receives, at a server and at a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from opentelemetry.context import Context

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.fastmcp import makes_server_span
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.headers import parent_over_http
from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.reading import jsonrpc_error, outcome_of_answer, told
from groundhog_otel.mcp.sdk_v1.http import HttpRequest
from groundhog_otel.mcp.telemetry import SERVER, Telemetry
from groundhog_otel.mcp.transport import Tag, client_address, http_server, peer_of

__all__ = ("client_notification", "client_request", "handshake", "note_answer", "server_message", "server_request")

_ANSWER: Final = "_groundhog_answer"
_NO_ANSWER: Final = object()
_NOTHING: Final = Context()


def note_answer(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``RequestResponder.respond``, the one place where the answer to every request goes by."""

    def respond(self: Any, response: Any) -> Awaitable[None]:
        setattr(self, _ANSWER, response)
        answering: Awaitable[None] = original(self, response)
        return answering

    return respond


def server_request(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``Server._handle_request``."""

    def _handle_request(self: Any, message: Any, req: Any, session: Any, *args: Any, **kwargs: Any) -> Awaitable[None]:
        handle = partial(original, **kwargs) if kwargs else original
        return _request(telemetry, session, message, req, handle, self, message, req, session, *args)

    return _handle_request


def handshake(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``ServerSession._received_request``: it answers ``initialize`` and passes the rest on."""

    def _received_request(self: Any, responder: Any) -> Awaitable[None]:
        root = getattr(responder.request, "root", None)
        if getattr(root, "method", None) == "initialize":
            return _request(telemetry, self, responder, root, original, self, responder, learns=True)
        passed_on: Awaitable[None] = original(self, responder)
        return passed_on

    return _received_request


def client_request(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``ClientSession._received_request``: sampling, elicitation, roots, ping."""

    def _received_request(self: Any, responder: Any) -> Awaitable[None]:
        root = getattr(responder.request, "root", None)
        return _request(telemetry, self, responder, root, original, self, responder)

    return _received_request


def server_message(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``Server._handle_message``, for its notifications: requests are seen further in."""

    async def notification(session: Any, root: Any, handling: Awaitable[None]) -> None:
        await _settled(telemetry, _begin_notification(telemetry, session, root), handling)

    def _handle_message(self: Any, message: Any, session: Any, *args: Any, **kwargs: Any) -> Awaitable[None]:
        handling: Awaitable[None] = original(self, message, session, *args, **kwargs)
        root = None if hasattr(message, "respond") else getattr(message, "root", None)
        # The SDK calls this in one task and awaits it in another: nothing may begin before.
        return handling if root is None else notification(session, root, handling)

    return _handle_message


def client_notification(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``ClientSession._received_notification``."""

    async def _received_notification(self: Any, notification: Any) -> None:
        operation = _begin_notification(telemetry, self, getattr(notification, "root", None))
        await _settled(telemetry, operation, original(self, notification))

    return _received_notification


def _begin_request(telemetry: Telemetry, session: Any, responder: Any, root: Any) -> Operation | None:
    try:
        peer = peer_of(session)
        params = getattr(root, "params", None)
        attributes, metadata = None, responder.message_metadata
        http = None if metadata is None else HttpRequest.of(metadata)
        if http is None:
            parent, links = telemetry.parent_of(_meta(params), _NOTHING)
        else:
            attributes = client_address(http.scope)
            if peer.tag is None or peer.session_id != http.session_id:
                peer.tag = Tag(http_server(http.scope.get("http_version")), lambda: http.session_id)
            parent, links = parent_over_http(telemetry, _meta(params), http.scope, http.context)
        transport, session_id = peer.wire()
        return telemetry.begin(
            SERVER,
            root.method,
            transport=transport,
            mcp_version=peer.protocol_version,
            params=params,
            request_id=responder.request_id,
            session_id=session_id,
            attributes=attributes,
            parent=parent,
            links=links,
            # With "keep", a span of FastMCP's that is still to come is the one that stays.
            span=telemetry.settings.native_spans == "replace" or not makes_server_span(session, root.method),
        )
    except Exception:
        guarded_error("inbound")
        return None


def _begin_notification(telemetry: Telemetry, session: Any, root: Any) -> Operation | None:
    try:
        peer = peer_of(session)
        params = getattr(root, "params", None)
        parent, links = telemetry.parent_of(_meta(params), _NOTHING)
        transport, session_id = peer.wire()
        return telemetry.begin(
            SERVER,
            root.method,
            transport=transport,
            mcp_version=peer.protocol_version,
            params=params,
            session_id=session_id,
            parent=parent,
            links=links,
            notification=True,
        )
    except Exception:
        guarded_error("inbound")
        return None


def _meta(params: Any) -> Any:
    # The model keeps keys it does not know, and that is where propagators write.
    return getattr(getattr(params, "meta", None), "model_extra", None)


async def _request(
    telemetry: Telemetry,
    session: Any,
    responder: Any,
    root: Any,
    handle: Callable[..., Awaitable[None]],
    *args: Any,
    learns: bool = False,
) -> None:
    """Await ``handle(*args)`` and end the operation by what was answered; an exception passes through.

    With ``learns`` the answer has something to tell of the session.
    """
    operation = _begin_request(telemetry, session, responder, root)
    if operation is None:
        await handle(*args)
        return
    handling = handle(*args)
    for wrap in AROUND:
        handling = wrap(operation, handling)
    try:
        await handling
    except GeneratorExit:
        operation.abandon()
        raise
    except BaseException as exc:
        operation.end(_failure(telemetry, operation, exc))
        raise
    operation.end(_answered(telemetry, operation, responder, session if learns else None))


async def _settled(telemetry: Telemetry, operation: Operation | None, handling: Awaitable[Any]) -> None:
    """Await what handles a notification and end the operation; an exception passes through."""
    if operation is None:
        await handling
        return
    for wrap in AROUND:
        handling = wrap(operation, handling)
    try:
        await handling
    except GeneratorExit:
        operation.abandon()
        raise
    except BaseException as exc:
        operation.end(_failure(telemetry, operation, exc))
        raise
    operation.end()


def _answered(telemetry: Telemetry, operation: Operation, responder: Any, session: Any) -> Outcome:
    try:
        peer = None if session is None else peer_of(session)
        answer: Any = getattr(responder, _ANSWER, _NO_ANSWER)
        if answer is _NO_ANSWER:
            # A handler whose request the peer cancelled returns in silence.
            return outcomes.CANCELLED
        root = getattr(answer, "root", None)
        if root is None:  # not a result, but ErrorData
            return told(telemetry, operation, outcomes.server_error(answer.code), answer.message)
        return outcome_of_answer(telemetry, operation, root, peer)
    except Exception:
        guarded_error("answer")
        return outcomes.OK


def _failure(telemetry: Telemetry, operation: Operation, exc: BaseException) -> Outcome:
    error = jsonrpc_error(exc)
    if error is None:
        return outcomes.exception(exc)
    return told(telemetry, operation, outcomes.server_error(error.code), error.message)
