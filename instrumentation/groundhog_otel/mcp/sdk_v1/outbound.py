"""Messages that a session of mcp 1.x sends, as client or as server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.propagation import injected, with_meta
from groundhog_otel.mcp.reading import jsonrpc_error, outcome_at_sender, told
from groundhog_otel.mcp.telemetry import CLIENT, Telemetry
from groundhog_otel.mcp.transport import peer_of

__all__ = ("notification_sender", "request_sender")

_REQUEST_TIMEOUT: Final = 408
_CONNECTION_CLOSED: Final = -32000


def request_sender(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``BaseSession.send_request``."""

    async def send_request(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        # The SDK takes the next id before its first await, so this is the one the request will carry.
        operation = _begin(telemetry, self, request, request_id=getattr(self, "_request_id", None))
        if operation is None:
            return await original(self, request, *args, **kwargs)
        try:
            result = await original(self, _carrying(request, operation), *args, **kwargs)
        except GeneratorExit:
            operation.abandon()
            raise
        except BaseException as exc:
            operation.end(_failure(telemetry, self, operation, exc))
            raise
        operation.end(outcome_at_sender(telemetry, self, operation, result))
        return result

    return send_request


def notification_sender(telemetry: Telemetry, original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``BaseSession.send_notification``."""

    async def send_notification(self: Any, notification: Any, *args: Any, **kwargs: Any) -> None:
        operation = _begin(telemetry, self, notification, notification=True)
        if operation is None:
            await original(self, notification, *args, **kwargs)
            return
        try:
            await original(self, _carrying(notification, operation), *args, **kwargs)
        except GeneratorExit:
            operation.abandon()
            raise
        except BaseException as exc:
            operation.end(outcomes.exception(exc))
            raise
        operation.end()

    return send_notification


class _Carrying:
    """A request that puts our context into its own wire form.

    The SDK asks a request for one thing, ``model_dump``. The model itself stays untouched: it may be sent again.
    Other instrumentations make a new request of it, by ``type(request)(root)``: that is of this class again.
    """

    __slots__ = ("_carrier", "_request")

    def __init__(self, request: Any, carrier: Mapping[str, str] | None = None) -> None:
        self._request = request
        self._carrier = carrier

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def model_dump(self, *args: Any, **kwargs: Any) -> Any:
        """Return the wire form, with the context in ``params._meta``."""
        data = self._request.model_dump(*args, **kwargs)
        try:
            # Where somebody else makes the span, that is current by now; it may not have been when we began.
            carrier = injected(None) if self._carrier is None else self._carrier
            params = with_meta(data.get("params"), carrier)
            return data if params is None else {**data, "params": params}
        except Exception:
            guarded_error("inject")
            return data


def _carrying(request: Any, operation: Operation) -> Any:
    try:
        if operation.context is None:
            return _Carrying(request, None)
        carrier = injected(operation.context)
        return _Carrying(request, carrier) if carrier else request
    except Exception:
        guarded_error("inject")
        return request


def _begin(
    telemetry: Telemetry, session: Any, message: Any, *, request_id: object = None, notification: bool = False
) -> Operation | None:
    try:
        peer = peer_of(session)
        transport, session_id = peer.wire()
        root = getattr(message, "root", message)
        return telemetry.begin(
            CLIENT,
            root.method,
            transport=transport,
            mcp_version=peer.protocol_version,
            params=getattr(root, "params", None),
            request_id=request_id,
            session_id=session_id,
            notification=notification,
        )
    except Exception:
        guarded_error("outbound")
        return None


def _failure(telemetry: Telemetry, session: Any, operation: Operation, exc: BaseException) -> Outcome:
    """Return what a request's exception means: the SDK raises time-outs and shutdowns as if peers had sent them."""
    try:
        # A transport's tasks start together with the first message, and that may be the one that fails.
        operation.learn_transport(peer_of(session).transport)
        error = jsonrpc_error(exc)
        if error is None:
            return outcomes.exception(exc)
        if error.code == _REQUEST_TIMEOUT and error.message.startswith("Timed out while waiting"):
            return outcomes.TIMEOUT
        if error.code == _CONNECTION_CLOSED and error.message == "Connection closed":
            return outcomes.CONNECTION_CLOSED
        return told(telemetry, operation, outcomes.client_error(error.code), error.message)
    except Exception:
        guarded_error("failure")
        return outcomes.exception(exc)
