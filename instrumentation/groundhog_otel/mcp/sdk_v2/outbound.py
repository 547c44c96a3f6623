"""Messages that a dispatcher of mcp 2.x sends: a client's requests, a server's, and both sides' notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace

from groundhog_otel import semconv
from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.fields import is_mapping
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.operation import Operation, restore
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.propagation import injected, with_meta
from groundhog_otel.mcp.reading import jsonrpc_error, outcome_at_sender, told
from groundhog_otel.mcp.telemetry import CLIENT, Telemetry
from groundhog_otel.mcp.transport import peer_of
from groundhog_otel.mcp.w3c import written

__all__ = ("inject_plainly", "notification_sender", "request_sender", "stand_in_for_native_span")

_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_REQUEST_TIMEOUT: Final = -32001
_CONNECTION_CLOSED: Final = -32000

_UNOWNED: Final = object()
_outbound: ContextVar[Any] = ContextVar("groundhog_otel_outbound", default=_UNOWNED)
"""The operation (None: not to be watched) whose native span the SDK is about to open in the same task."""


def request_sender(telemetry: Telemetry, original: Callable[..., Any], *, sdk_makes_span: bool) -> Callable[..., Any]:
    """Stand in for ``send_raw_request``. Where the SDK makes a span, it also injects our context into the message."""
    replaced = sdk_makes_span and telemetry.settings.native_spans == "replace"
    own_span = replaced or not sdk_makes_span

    async def send_raw_request(
        self: Any, method: str, params: Mapping[str, Any] | None, opts: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        operation = _begin(telemetry, self, method, params, span=own_span)
        token: Token[Any] | None = None
        if replaced:
            token = _outbound.set(operation)
        elif operation is not None and own_span:
            params = _with_context(params, operation)
        try:
            result: dict[str, Any] = await original(self, method, params, opts, **kwargs)
        except GeneratorExit:
            if operation is not None:
                operation.abandon()
            raise
        except BaseException as exc:
            restored = _restore(token)
            if operation is not None:
                if restored:
                    operation.end(_failure(telemetry, operation, exc))
                else:
                    operation.abandon()
            raise
        _restore(token)
        if operation is not None:
            operation.end(outcome_at_sender(telemetry, self, operation, result))
        return result

    return send_raw_request


def notification_sender(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``notify``, which the SDK neither traces nor gives a context."""

    async def notify(self: Any, method: str, params: Mapping[str, Any] | None, opts: Any = None, **kwargs: Any) -> None:
        operation = _begin(telemetry, self, method, params, notification=True)
        if operation is None:
            await original(self, method, params, opts, **kwargs)
            return
        try:
            await original(self, method, _with_context(params, operation), opts, **kwargs)
        except GeneratorExit:
            operation.abandon()
            raise
        except BaseException as exc:
            operation.end(outcomes.exception(exc))
            raise
        operation.end()

    return notify


def stand_in_for_native_span(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for the SDK's ``otel_span``: it opens none where an operation of ours is under way in this task."""

    def otel_span(name: str, **kwargs: Any) -> AbstractContextManager[Any]:
        operation = _outbound.get()
        if operation is _UNOWNED:
            span: AbstractContextManager[Any] = original(name, **kwargs)
            return span
        _outbound.set(_UNOWNED)  # a request sent while this one is under way is another one
        if operation is not None:
            request_id = (kwargs.get("attributes") or {}).get(semconv.JSONRPC_REQUEST_ID)
            if request_id is not None:
                operation.set(semconv.JSONRPC_REQUEST_ID, request_id)
        return _NativeStandIn(operation)

    return otel_span


def inject_plainly(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for the SDK's ``inject_trace_context``: the same keys, without the propagators where they are plain."""

    def inject_trace_context(meta: dict[str, Any]) -> None:
        carrier = None
        try:
            carrier = written(context_api.get_current())
        except Exception:
            guarded_error("inject")
        if carrier is None:
            original(meta)
        else:
            meta.update(carrier)

    return inject_trace_context


class _NativeStandIn(trace.NonRecordingSpan):
    """What the SDK gets in place of its own client span: it goes nowhere, but tells us what the SDK says of it."""

    def __init__(self, operation: Operation | None) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self._operation = operation

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Note that the peer has answered with an error: the SDK sets attributes in no other case."""
        if self._operation is not None:
            self._operation.answered_with_error = True


def _begin(
    telemetry: Telemetry,
    dispatcher: Any,
    method: str,
    params: Mapping[str, Any] | None,
    *,
    span: bool = True,
    notification: bool = False,
) -> Operation | None:
    try:
        peer = peer_of(dispatcher)
        if params:
            meta = params.get("_meta")
            if is_mapping(meta) and _VERSION_KEY in meta:
                peer.protocol_version = str(meta[_VERSION_KEY])
        transport, session_id = peer.wire()
        return telemetry.begin(
            CLIENT,
            method,
            transport=transport,
            mcp_version=peer.protocol_version,
            params=params,
            session_id=session_id,
            notification=notification,
            span=span,
        )
    except Exception:
        guarded_error("outbound")
        return None


def _with_context(params: Mapping[str, Any] | None, operation: Operation) -> Mapping[str, Any] | None:
    try:
        return with_meta(params, injected(operation.context))
    except Exception:
        guarded_error("inject")
        return params


def _restore(token: Token[Any] | None) -> bool:
    """Forget the operation; tell whether this is still the context in which it began.

    It is not when a coroutine is thrown away, whose ``GeneratorExit`` the SDK of 2.3 turns into an error of its own.
    """
    return token is None or restore(token)


def _failure(telemetry: Telemetry, operation: Operation, exc: BaseException) -> Outcome:
    """Return what a request's exception means: the SDK raises time-outs and shutdowns as if peers had sent them."""
    try:
        error = jsonrpc_error(exc)
        if error is None:
            return outcomes.exception(exc)
        # Before 2.3 the SDK does not tell its own from the peer's; these two codes are hardly ever a peer's.
        if not operation.answered_with_error:
            if error.code == _REQUEST_TIMEOUT:
                return outcomes.TIMEOUT
            if error.code == _CONNECTION_CLOSED:
                return outcomes.CONNECTION_CLOSED
        return told(telemetry, operation, outcomes.client_error(error.code), error.message)
    except Exception:
        guarded_error("failure")
        return outcomes.exception(exc)
