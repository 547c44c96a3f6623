"""Messages that mcp 2.x receives: at a server through its middleware chain, at a client through its session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, Final

from opentelemetry import context as context_api

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
    Transport,
    client_address,
    http_server,
    peer_of,
)

__all__ = ("client_receiver", "pass_on", "server_chain")

_INVALID_PARAMS: Final = -32602
_INTERNAL_ERROR: Final = -32603


def pass_on(_original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``OpenTelemetryMiddleware.__call__``: ours has made the span already, around the whole chain."""

    async def __call__(_self: Any, ctx: Any, call_next: Callable[[Any], Any]) -> Any:  # noqa: N807
        return await call_next(ctx)

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
    operation, modern, peer = None, False, None
    try:
        modern = ctx.protocol_version >= FIRST_SESSIONLESS
        scope = getattr(ctx.request, "scope", None)
        scope = scope if is_mapping(scope) else None
        transport, attributes = _server_transport(runner, scope)
        peer = _session_peer(runner, transport)
        # Before the handshake the SDK reports a default that nobody agreed on.
        version = peer.protocol_version = None if ctx.method == "initialize" else ctx.protocol_version
        operation = _begin(
            telemetry,
            ctx.method,
            ctx.params,
            ctx.request_id,
            scope,
            transport=transport,
            mcp_version=version,
            session_id=peer.session_id,
            attributes=attributes,
            span=span,
        )
        if ctx.method == "initialize":
            session_opened(peer)
    except Exception:
        guarded_error("inbound")
    if operation is None:
        return await chain(ctx)
    result = await _settled(telemetry, operation, chain(ctx), modern=modern)
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
            operation = _begin(
                telemetry,
                method,
                params,
                dctx.request_id,
                None,
                transport=peer.transport,
                mcp_version=peer.protocol_version,
                session_id=peer.session_id,
            )
        except Exception:
            guarded_error("inbound")
        if operation is None:
            return await original(self, dctx, method, params)
        return await _settled(telemetry, operation, original(self, dctx, method, params), modern=False)

    return receive


def _begin(
    telemetry: Telemetry,
    method: str,
    params: Mapping[str, Any] | None,
    request_id: object,
    scope: Mapping[str, Any] | None,
    **known: Any,
) -> Operation | None:
    meta = params.get("_meta") if is_mapping(params) else None
    # The SDK runs a handler in the context of whoever put the message on the stream: the HTTP request's, for one.
    base = context_api.get_current()
    if scope is None:
        parent, links = telemetry.parent_of(meta, base)
    else:
        parent, links = parent_over_http(telemetry, meta, scope, base)
    return telemetry.begin(
        SERVER,
        method,
        params=params,
        request_id=request_id,
        parent=parent,
        links=links,
        notification=request_id is None,
        **known,
    )


async def _settled(telemetry: Telemetry, operation: Operation, answer: Awaitable[Any], *, modern: bool) -> Any:
    """Await the handler and end the operation by what came of it; the result or exception itself passes through."""
    for wrap in AROUND:
        answer = wrap(operation, answer)
    try:
        result = await answer
    except GeneratorExit:
        operation.abandon()
        raise
    except BaseException as exc:
        operation.end(_failure(telemetry, operation, exc, modern=modern))
        raise
    operation.end(outcome_of_answer(telemetry, operation, result))
    return result


def _failure(telemetry: Telemetry, operation: Operation, exc: BaseException, *, modern: bool) -> Outcome:
    """Return what a handler's exception becomes on the wire, by ``handler_exception_to_error_data`` of the SDK."""
    try:
        error = jsonrpc_error(exc)
        if error is not None:
            return told(telemetry, operation, outcomes.server_error(error.code), error.message)
        if not isinstance(exc, Exception):
            return outcomes.exception(exc)
        if type(exc).__name__ == "ValidationError" and type(exc).__module__.startswith("pydantic"):
            return outcomes.server_error(_INVALID_PARAMS)
        if modern:
            return outcomes.server_error(_INTERNAL_ERROR)
        # Under the handshake protocols 2.x still answers with the 0 and the text of mcp 1.x.
        return told(telemetry, operation, outcomes.server_error(0), str(exc))
    except Exception:
        guarded_error("failure")
        return outcomes.exception(exc)


def _session_peer(runner: Any, transport: Transport) -> Peer:
    """Return what is known of a server's connection.

    Streamable HTTP gives the connection a session id, and legacy SSE tags the stream with one.
    """
    outbound = runner.connection.outbound
    peer = peer_of(getattr(outbound, "_outbound", outbound))
    session_id = runner.connection.session_id
    if session_id is not None and peer.tag is None:
        peer.tag = Tag(transport, lambda: session_id)
    return peer


def _ends_with_connection(telemetry: Telemetry, runner: Any, peer: Peer, operation: Operation) -> None:
    """Have the session's duration recorded when the SDK takes the connection down."""
    try:
        ended = Peer(Tag(operation.transport, lambda: peer.session_id), operation.mcp_version, opened=peer.opened)
        session_settled(ended, operation)
        runner.connection.exit_stack.callback(session_closed, telemetry, client=False, peer=ended)
    except Exception:
        guarded_error("session")


def _server_transport(runner: Any, scope: Mapping[str, Any] | None) -> tuple[Transport, Mapping[str, Any] | None]:
    """Return the wire that a server's message came on, and the client's address where there is one."""
    if scope is not None:
        return http_server(scope.get("http_version")), client_address(scope)
    outbound = runner.connection.outbound
    return peer_of(getattr(outbound, "_outbound", outbound)).transport, None
