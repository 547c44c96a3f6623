"""How an operation ended, in the terms of the MCP semantic conventions' error rules."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Final, NamedTuple

__all__ = (
    "CANCELLED",
    "CONNECTION_CLOSED",
    "OK",
    "TIMEOUT",
    "TOOL_ERROR",
    "Outcome",
    "client_error",
    "exception",
    "server_error",
)


class Outcome(NamedTuple):
    """The end of an operation. It failed if, and only if, it has an ``error_type``."""

    error_type: str | None = None
    status_code: str | None = None
    """The JSON-RPC error code that was sent or received, if one was."""
    description: str | None = None
    """A fixed phrase. The peer's own message, which may repeat arguments or an exception's text, is content."""


OK: Final = Outcome()
TOOL_ERROR: Final = Outcome("tool_error")
CANCELLED: Final = Outcome("cancelled")
TIMEOUT: Final = Outcome("timeout")
CONNECTION_CLOSED: Final = Outcome("connection_closed")

_PHRASES: Final = {
    -32700: "Parse error",
    -32600: "Invalid request",
    -32601: "Method not found",
    -32602: "Invalid params",
    -32603: "Internal error",
    -32002: "Resource not found",
}
_CLIENT_FAULTS: Final = frozenset({-32700, -32600, -32601, -32602, -32002})
"""Codes by which a server reports its client's mistake: not an error of the server's."""


def client_error(code: int) -> Outcome:
    """Return what a JSON-RPC error means to the side that asked: an error, whatever the code."""
    return Outcome(str(code), str(code), _PHRASES.get(code))


def server_error(code: int) -> Outcome:
    """Return what a JSON-RPC error means to the side that answered: its own error, unless the client's fault."""
    if code in _CLIENT_FAULTS:
        return Outcome(None, str(code))
    return Outcome(str(code), str(code), _PHRASES.get(code))


def exception(exc: BaseException) -> Outcome:
    """Return what an exception means that has no JSON-RPC code. Cancellation and time-out go by names of their own."""
    if isinstance(exc, CancelledError) or type(exc).__name__ == "Cancelled":  # the latter is trio's
        return CANCELLED
    if isinstance(exc, TimeoutError):
        return TIMEOUT
    return Outcome(type_name(exc))


def type_name(exc: BaseException) -> str:
    """Return the exception's class as ``error.type`` spells it: qualified, but for built-in ones."""
    cls = type(exc)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
