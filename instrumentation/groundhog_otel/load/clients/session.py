"""A session over the official client, as the engine wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import anyio

from groundhog_otel.load.clients.answers import answered, failed, lost, timed_out
from groundhog_otel.load.clients.exchanges import CURRENT, Exchange, Exchanges, Failure
from groundhog_otel.load.clients.sdk import Connected, types
from groundhog_otel.load.listing import listed
from groundhog_otel.load.session import Answer, ServerFacts, ToolFacts

__all__ = ("ClientSession",)

_PAGES: Final = 1000
_HEADER_MISMATCH: Final = -32020  # of 2026-07-28, when an argument is to be repeated in a header


class ClientSession:
    """A :class:`groundhog_otel.load.session.Session`."""

    def __init__(
        self, connected: Connected, exchanges: Exchanges, obituary: Callable[[], str | None] = lambda: None
    ) -> None:
        self._connected = connected
        self._exchanges = exchanges
        self._obituary = obituary
        self._listed = False

    @property
    def server(self) -> ServerFacts:
        """Who has answered."""
        return self._connected.facts

    @property
    def ended(self) -> str | None:
        """Why this session can answer nothing any more; None while it can."""
        failure = self._exchanges.ended
        if failure is None:
            return None
        return (self._obituary() if self._obituary is not None else None) or failure.message

    @property
    def notifications(self) -> int:
        """How many notifications the server has sent."""
        return self._exchanges.notifications

    async def request(
        self,
        method: str,
        target: str | None,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str],
        timeout_s: float,
    ) -> Answer:
        """Send a request and return how it ended. Never raises, but for cancellation."""
        with anyio.CancelScope() as scope:
            exchange = Exchange(method, meta, scope)
            if self._exchanges.ended is not None:
                gone = self._exchanges.ended
                return Answer(None, "transport", gone.detail, self.ended)
            scope.deadline = anyio.current_time() + timeout_s
            self._exchanges.begin(exchange)
            token = CURRENT.set(exchange)
            try:
                answer = answered(exchange, await self._send(method, target, arguments, meta))
            except Exception as error:
                answer = failed(exchange, error)
                if lost(exchange, answer):
                    self._exchanges.end(Failure(answer.detail or "", "the connection was closed"))
            finally:
                CURRENT.reset(token)
                self._exchanges.forget(exchange)
            return await self._explained(answer)
        return await self._explained(timed_out(exchange, timeout_s))

    async def _explained(self, answer: Answer) -> Answer:
        """Return an answer that says how the server has ended, if that is why it is none."""
        if answer.error != "transport" or self._exchanges.ended is None or self._obituary is None:
            return answer
        for _ in range(20):  # its end is known a moment after that of its output
            if self._obituary() is not None:
                break
            await anyio.sleep(0.01)
        return replace(answer, message=self.ended)

    async def _send(
        self, method: str, target: str | None, arguments: Mapping[str, Any], meta: Mapping[str, str]
    ) -> Any:
        params = _params(method, target, arguments)
        if meta:
            params["_meta"] = dict(meta)
        try:
            return await self._connected.send(method, params)
        except Exception as error:
            code = getattr(getattr(error, "error", None), "code", None)
            if code != _HEADER_MISMATCH or self._listed or not self._connected.stateless:
                raise
        # What the protocol asks for, and the SDK's client does: learn from the list which arguments go into headers.
        self._listed = True
        await self._learn_headers()
        return await self._connected.send(method, params)

    async def _learn_headers(self) -> None:
        cursor = None
        for _ in range(_PAGES):
            page = await self._connected.session.list_tools(params=types().PaginatedRequestParams(cursor=cursor))
            cursor = page.next_cursor
            if cursor is None:
                return

    async def tools(self) -> tuple[ToolFacts, ...]:
        """Return all tools, every page of the list.

        Raises:
            LoadError: the server does not answer, or not with a list.
        """
        found = []
        for tool in await listed(self, "tools/list", "tools"):
            annotations = tool.get("annotations") or {}
            schema = tool.get("inputSchema") or {"type": "object"}
            found.append(ToolFacts(str(tool["name"]), schema, annotations.get("readOnlyHint") is True))
        return tuple(found)


def _params(method: str, target: str | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request as they are on the wire."""
    if method == "tools/call":
        return {"name": target, "arguments": dict(arguments)}
    if method == "prompts/get":
        return {"name": target, "arguments": {name: str(value) for name, value in arguments.items()}}
    if method == "resources/read":
        return {"uri": target}
    if method == "completion/complete":
        of = (
            {"type": "ref/resource", "uri": target}
            if "://" in (target or "")
            else {"type": "ref/prompt", "name": target}
        )
        argument = {"name": str(arguments.get("name", "")), "value": str(arguments.get("value", ""))}
        return {"ref": of, "argument": argument}
    return {"cursor": arguments["cursor"]} if "cursor" in arguments else {}
