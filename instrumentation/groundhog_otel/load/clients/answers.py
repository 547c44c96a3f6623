"""Turns what the SDK returns or raises into an :class:`Answer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from groundhog_otel.load.clients.exchanges import Exchange, Failure
from groundhog_otel.load.session import Answer

__all__ = ("answered", "failed", "lost", "nonsense_in_words", "one_line", "timed_out")

_CLOSED: Final = -32000  # the SDKs' CONNECTION_CLOSED, which servers use for errors of their own as well
_LOST: Final = ("ClosedResourceError", "BrokenResourceError", "ConnectionClosed")
_LINE: Final = 200


def answered(exchange: Exchange, result: Any) -> Answer:
    """Return the answer that a result is."""
    found = exchange.result
    if found is None:
        found = (
            result if isinstance(result, Mapping) else result.model_dump(by_alias=True, mode="json", exclude_none=True)
        )
    times = _times(exchange)
    if found.get("isError") is True:
        return Answer(found, "tool", "isError", one_line(_first_text(found)), *times)
    if found.get("resultType", "complete") != "complete":
        message = f"the result is of type {found['resultType']}: a load test cannot go on with it"
        return Answer(found, "jsonrpc", str(found["resultType"]), message, *times)
    return Answer(found, written_ns=times[0], read_ns=times[1])


def failed(exchange: Exchange, error: Exception) -> Answer:
    """Return the answer that an exception of the SDK is."""
    failure = exchange.failure or _of(exchange, error)
    return Answer(None, failure.error, failure.detail, one_line(failure.message), *_times(exchange))


def timed_out(exchange: Exchange, timeout_s: float) -> Answer:
    """Return the answer of a request that has been given up: its transport failed, or its time is over."""
    message = f"no answer within {timeout_s:g} s"
    if exchange.nonsense is not None:
        message += f"; meanwhile the server sent what is no MCP message ({nonsense_in_words(exchange.nonsense)})"
    failure = exchange.failure or Failure(f"{timeout_s:g} s", message, "timeout")
    return Answer(None, failure.error, failure.detail, one_line(failure.message), *_times(exchange))


def one_line(text: str) -> str:
    """Return ``text`` as one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"


def nonsense_in_words(error: Exception) -> str:
    """Return the beginning of what was read and is no message, or what is wrong with it."""
    errors = getattr(error, "errors", None)  # pydantic's
    details = errors() if callable(errors) else ()
    if details and isinstance(details[0].get("input"), str):
        return one_line(repr(details[0]["input"])[:80])
    return one_line(str(error))[:80]


def lost(exchange: Exchange, answer: Answer) -> bool:
    """Tell whether a request could not even be sent, or was cut off, because the session has no transport any more."""
    return answer.error == "transport" and exchange.read_ns is None and answer.detail in _LOST


def _of(exchange: Exchange, error: Exception) -> Failure:
    said = getattr(error, "error", None)  # McpError of mcp 1.x, MCPError of 2.x
    code = getattr(said, "code", None)
    if code is not None:
        message = str(getattr(said, "message", ""))
        # What the server says itself comes through the transport.
        cut_off = exchange.read_ns is None and message == "Connection closed"
        if code == _CLOSED and (cut_off or message.startswith("SSE stream ended")):
            return Failure("ConnectionClosed", message)
        return Failure(str(code), message, "jsonrpc")
    kind = type(error).__name__
    if kind == "ValidationError":
        return Failure("invalid result", f"the result breaks the protocol: {error}", "jsonrpc")
    return Failure(kind, f"{kind}: {error}" if str(error) else kind)


def _times(exchange: Exchange) -> tuple[int | None, int | None]:
    written, read = exchange.written_ns, exchange.read_ns
    if written is not None and read is not None and read < written:
        written = read  # the transport answered before the task that wrote went on
    return written, read


def _first_text(result: Mapping[str, Any]) -> str:
    for item in result.get("content") or ():
        if isinstance(item, Mapping) and item.get("type") == "text":
            return str(item.get("text", ""))
    return "the tool says that it failed"
