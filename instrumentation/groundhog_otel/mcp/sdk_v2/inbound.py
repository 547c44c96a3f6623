"""Messages that mcp 2.x receives: at a server through its middleware chain, at a client through its session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import Link

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.fields import is_mapping
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.headers import parent_over_http
from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.ownership import no_message
from groundhog_otel.mcp.reading import jsonrpc_error, outcome_of_answer, told
from groundhog_otel.mcp.sdk_v2.refusals import reached_server
from groundhog_otel.mcp.session import session_closed, session_opened, session_settled
from groundhog_otel.mcp.telemetry import SERVER, Telemetry
from groundhog_otel.mcp.transport import (
    FIRST_SESSIONLESS,
    Peer,
    Tag,
    client_address,
    http_server,
    peer_of,
)

__all__ = ("client_receiver", "pass_on", "server_chain")

_INVALID_PARAMS: Final = -32602
_INTERNAL_ERROR: Final = -32603


def pass_on(_original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``OpenTelemetryMiddleware.__call__``: ours has made the span already, around the whole chain."""

    def __call__(_self: Any, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Awaitable[Any]:  # noqa: N807
        return call_next(ctx)

    return __call__


def server_chain(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``_compose_server_middleware``: the same chain, with us around it."""
    span = telemetry.settings.native_spans == "replace"

    def _compose_server_middleware(self: Any, inner: Callable[..., Any]) -> Callable[..., Any]:
        return partial(_at_server, telemetry, self, original(self, inner), span)

    return _compose_server_middleware


async def _at_server(
    telemetry: Telemetry, runner: Any, chain: Callable[[Any], Awaitable[Any]], span: bool, ctx: Any
) -> Any:
    if not reached_server():
        with no_message() if span else nullcontext():
            return await chain(ctx)
    operation = peer = None
    try:
        outbound = runner.connection.outbound
        peer = peer_of(getattr(outbound, "_outbound", outbound))
        transport, session_id = peer.wire()
        attributes = None
        scope = getattr(ctx.request, "scope", None)
        if scope is not None and is_mapping(scope):
            transport, attributes = http_server(scope.get("http_version")), client_address(scope)
        else:
            scope = None
        own_id = runner.connection.session_id
        if own_id is not None and peer.tag is None:
            # Streamable HTTP gives the connection a session id; legacy SSE has tagged the stream with one.
            peer.tag, session_id = Tag(transport, lambda: own_id), own_id
        # Before the handshake the SDK reports a default that nobody agreed on.
        version = peer.protocol_version = None if ctx.method == "initialize" else ctx.protocol_version
        parent, links = _parent(telemetry, ctx.params, scope)
        operation = telemetry.begin(
            SERVER,
            ctx.method,
            transport=transport,
            mcp_version=version,
            params=ctx.params,
            request_id=ctx.request_id,
            session_id=session_id,
            attributes=attributes,
            parent=parent,
            links=links,
            notification=ctx.request_id is None,
            span=span,
        )
        if ctx.method == "initialize":
            session_opened(peer)
    except Exception:
        guarded_error("inbound")
    if operation is None:
        return await chain(ctx)
    result = await _settled(telemetry, operation, chain(ctx), ctx)
    if peer is not None and ctx.method == "initialize":
        peer.protocol_version = operation.mcp_version
        _ends_with_connection(telemetry, runner, peer, operation)
    return result


def client_receiver(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``ClientSession._on_request`` and ``_on_notify``."""

    async def receive(self: Any, dctx: Any, method: str, params: Mapping[str, Any] | None) -> Any:
        operation = None
        try:
            peer = peer_of(self._dispatcher)
            transport, session_id = peer.wire()
            parent, links = _parent(telemetry, params, None)
            operation = telemetry.begin(
                SERVER,
                method,
                transport=transport,
                mcp_version=peer.protocol_version,
                params=params,
                request_id=dctx.request_id,
                session_id=session_id,
                parent=parent,
                links=links,
                notification=dctx.request_id is None,
            )
        except Exception:
            guarded_error("inbound")
        if operation is None:
            return await original(self, dctx, method, params)
        return await _settled(telemetry, operation, original(self, dctx, method, params))

    return receive


def _parent(
    telemetry: Telemetry, params: Mapping[str, Any] | None, scope: Mapping[str, Any] | None
) -> tuple[Context, tuple[Link, ...]]:
    meta = params.get("_meta") if is_mapping(params) else None
    # The SDK runs a handler in the context of whoever put the message on the stream: the HTTP request's, for one.
    base = context_api.get_current()
    if scope is None:
        return telemetry.parent_of(meta, base)
    return parent_over_http(telemetry, meta, scope, base)


async def _settled(telemetry: Telemetry, operation: Operation, answer: Awaitable[Any], ctx: Any = None) -> Any:
    """Await the handler and end the operation by what came of it; the result or exception itself passes through.

    ``ctx`` is the SDK's, of a message that a server has received.
    """
    for wrap in AROUND:
        answer = wrap(operation, answer)
    try:
        result = await answer
    except GeneratorExit:
        operation.abandon()
        raise
    except BaseException as exc:
        operation.end(_failure(telemetry, operation, exc, ctx))
        raise
    operation.end(outcome_of_answer(telemetry, operation, result))
    return result


def _failure(telemetry: Telemetry, operation: Operation, exc: BaseException, ctx: Any) -> Outcome:
    """Return what a handler's exception becomes on the wire, by ``handler_exception_to_error_data`` of the SDK."""
    try:
        error = jsonrpc_error(exc)
        if error is not None:
            return told(telemetry, operation, outcomes.server_error(error.code), error.message)
        if not isinstance(exc, Exception):
            return outcomes.exception(exc)
        if type(exc).__name__ == "ValidationError" and type(exc).__module__.startswith("pydantic"):
            return outcomes.server_error(_INVALID_PARAMS)
        if ctx is not None and ctx.protocol_version >= FIRST_SESSIONLESS:
            return outcomes.server_error(_INTERNAL_ERROR)
        # Under the handshake protocols 2.x still answers with the 0 and the text of mcp 1.x.
        return told(telemetry, operation, outcomes.server_error(0), str(exc))
    except Exception:
        guarded_error("failure")
        return outcomes.exception(exc)


def _ends_with_connection(telemetry: Telemetry, runner: Any, peer: Peer, operation: Operation) -> None:
    """Have the session's duration recorded when the SDK takes the connection down."""
    try:
        ended = Peer(Tag(operation.transport, lambda: peer.session_id), operation.mcp_version, opened=peer.opened)
        session_settled(ended, operation)
        runner.connection.exit_stack.callback(session_closed, telemetry, client=False, peer=ended)
    except Exception:
        guarded_error("session")
