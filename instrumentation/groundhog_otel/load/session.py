"""What the engine wants of an MCP client session, whichever SDK and transport it is of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = ("Answer", "ErrorClass", "ServerFacts", "Session", "Target", "ToolFacts")

ErrorClass = Literal["transport", "jsonrpc", "tool", "timeout", "assertion"]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended."""

    result: Mapping[str, Any] | None = None
    """The result as it is on the wire; None when there is none."""
    error: ErrorClass | None = None
    detail: str | None = None
    """Of the error, few-valued: the JSON-RPC code, the exception's class."""
    message: str | None = None
    """Of the error, for a person: one line."""
    written_ns: int | None = None
    """When the request had left the client for its transport (``time.perf_counter_ns``), where that is known."""
    read_ns: int | None = None
    """When the transport handed the answer to the client, where that is known."""


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """A tool that a server lists."""

    name: str
    schema: Mapping[str, Any]
    """JSON Schema of its arguments."""
    read_only: bool
    """Whether the server says that it changes nothing (``annotations.readOnlyHint``)."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server, as it introduces itself."""

    name: str
    version: str
    protocol_version: str
    transport: str
    """``stdio``, ``http``, ``sse`` or ``memory``."""


class Session(Protocol):
    """A client's session with the server. Several requests may be under way at once."""

    @property
    def server(self) -> ServerFacts:
        """Who has answered."""
        ...

    @property
    def ended(self) -> str | None:
        """Why this session can answer nothing any more, for a person; None while it can.

        Every request after that is a transport error at once: open another one, or stop.
        """
        ...

    @property
    def notifications(self) -> int:
        """How many notifications the server has sent in this session."""
        ...

    async def request(
        self,
        method: str,
        target: str | None,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str],
        timeout_s: float,
    ) -> Answer:
        """Send a request and return how it ended. Never raises, but for cancellation.

        ``target`` is the tool's or prompt's name, or the resource's URI. Of ``completion/complete`` it is the prompt's
        name or the template's URI, and ``arguments`` are ``name`` and ``value``. Of lists, ``arguments`` may hold a
        ``cursor``. ``meta`` goes into ``params._meta``: the trace context and baggage.
        """
        ...

    async def tools(self) -> tuple[ToolFacts, ...]:
        """Return all tools, every page of the list.

        Raises:
            LoadError: the server does not answer.
        """
        ...


class Target(Protocol):
    """A server to test. Picklable, but for one in memory: worker processes open it too."""

    @property
    def name(self) -> str:
        """What a report calls it."""
        ...

    def open(self) -> AbstractAsyncContextManager[Session]:
        """Connect and shake hands; for a command, start a process of its own.

        The context manager cleans up whatever it started.

        Raises:
            LoadError: the server does not start, hangs, speaks nonsense, wants authentication …: one clear sentence.
        """
        ...

    def server_pids(self) -> tuple[int, ...]:
        """Return the processes of the server that are known: those it started, or the one that listens on loopback."""
        ...
