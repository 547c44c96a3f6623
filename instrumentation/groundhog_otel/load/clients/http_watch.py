"""How each HTTP request of a session fares, and so whether its answer can still come.

The SDK tells a caller little of it, and some releases leave a request waiting for an answer that can no longer come.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from groundhog_otel.load.clients.exchanges import Exchanges, Failure
from groundhog_otel.load.clients.failures import causes

__all__ = ("HttpWatch", "Trouble")

_ANSWER_S: Final = 1.0
"""How long the answer that a response has brought may take to reach the session."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an HTTP request met with."""

    method: str
    rpc: str | None = None
    """The method of the JSON-RPC request that it carried."""
    status: int | None = None
    content_type: str = ""
    error: BaseException | None = None


class HttpWatch:
    """Sees every HTTP request of a session."""

    def __init__(self, exchanges: Exchanges, *, answers_in_response: bool) -> None:
        self._exchanges = exchanges
        self._answers_in_response = answers_in_response
        self.troubles: list[Trouble] = []
        """Of the handshake."""
        self.connecting = True
        self.on_trouble: Callable[[Trouble], None] | None = None

    def failed(self, request: Any, error: BaseException) -> None:
        """Note that a request or its response broke off."""
        failure = Failure(type(error).__name__, f"{type(error).__name__}: {error}")
        self._note(request, Trouble(request.method, error=error), failure)
        if not self.connecting and any(isinstance(one, ConnectionRefusedError) for one in causes(error)):
            self._exchanges.end(failure)

    async def answered(self, request: Any, response: Any) -> bool:
        """Note the status of a response; return whether its body is to be followed: the answer is in it."""
        status, kind = response.status_code, response.headers.get("content-type", "").lower()
        if status >= 400:
            said = _json(await response.aread()) if kind.startswith("application/json") else {}
            error = said.get("error")
            rpc_error = error if isinstance(error, dict) and "code" in error else None
            if rpc_error is None:
                failure = Failure(f"HTTP {status}", f"HTTP {status} {response.reason_phrase}".strip())
            else:
                failure = Failure(str(rpc_error["code"]), str(rpc_error.get("message")), "jsonrpc")
            self._note(request, Trouble(request.method, status=status, content_type=kind), failure)
            if status == 404 and request.method == "POST" and "mcp-session-id" in request.headers:
                self._exchanges.end(Failure("HTTP 404", "the server no longer knows the session (HTTP 404)"))
        elif request.method == "POST" and status < 300 and self._answers_in_response:
            if status == 202:
                self.drained(request)
            elif kind.startswith(("application/json", "text/event-stream")):
                return True
            else:
                failure = Failure("content type", f"the answer is of content type {kind or 'none'}")
                self._note(request, Trouble("POST", status=status, content_type=kind), failure)
        return False

    def _note(self, request: Any, trouble: Trouble, failure: Failure) -> None:
        sent = _sent(request)
        exchange = self._exchanges.by_id.get(sent.get("id"))
        if exchange is not None and request.method == "POST":
            exchange.fail(failure)
        if self.connecting:
            found = replace(trouble, rpc=sent.get("method"))
            self.troubles.append(found)
            if self.on_trouble is not None:
                self.on_trouble(found)

    def drained(self, request: Any) -> None:
        """Note that a response is over: its answer is on its way, or never comes."""
        asyncio.get_running_loop().call_later(_ANSWER_S, self._unanswered, request)

    def _unanswered(self, request: Any) -> None:
        sent = _sent(request)
        if "id" not in sent or "method" not in sent:
            return
        exchange = self._exchanges.by_id.get(sent["id"])
        if exchange is not None:
            exchange.fail(Failure("no answer", "the response ended without an answer"))
        elif self.connecting:
            self._note(request, Trouble("POST"), Failure("no answer", ""))


def _sent(request: Any) -> Mapping[str, Any]:
    """Return the JSON-RPC message that a request carries."""
    return _json(request.content) if request.method == "POST" else {}


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
