"""Servers that are Python objects: low-level ones of mcp, and the high-level ones of mcp 1.x, mcp 2.x and FastMCP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import anyio

from groundhog_otel.load.clients.exchanges import Exchanges
from groundhog_otel.load.clients.failures import already_said, in_words
from groundhog_otel.load.clients.holding import held
from groundhog_otel.load.clients.sdk import CONNECT_S, Protocol, connected, require
from groundhog_otel.load.clients.session import ClientSession
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session

__all__ = ("MemoryTarget", "lowlevel")


@dataclass(frozen=True, slots=True)
class MemoryTarget:
    """A server that is a Python object, run in the event loop of the load test itself."""

    server: Any
    protocol: Protocol = "auto"
    connect_timeout_s: float = CONNECT_S

    @property
    def name(self) -> str:
        """The server's own name."""
        return str(getattr(self.server, "name", None) or type(self.server).__qualname__)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Run the server for one client, and shake hands.

        Raises:
            LoadError: it is no MCP server, or does not start.
        """
        require(self.protocol)
        lowlevel(self.server)
        exchanges = Exchanges()
        async with held(
            connected(_streams(self.server), exchanges, protocol=self.protocol, kind="memory"),
            timeout_s=self.connect_timeout_s,
            explain=self._explain,
            on_end=exchanges.broke_off,
        ) as found:
            yield ClientSession(found, exchanges)

    def server_pids(self) -> tuple[int, ...]:
        """Return nothing: the server has no process of its own."""
        return ()

    def _explain(self, error: Exception) -> LoadError:
        if (found := already_said(error)) is not None:
            return found
        if isinstance(error, TimeoutError):
            within = f"within {self.connect_timeout_s:g} s"
            return LoadError(f"{self.name} has not answered the handshake {within}: see what its lifespan waits for")
        return LoadError(f"{self.name} could not be started ({in_words(error)}): mend its lifespan or its handlers")


def lowlevel(server: Any) -> Any:
    """Return the low-level server that ``server`` is, or has inside.

    Raises:
        LoadError: it is no MCP server.
    """
    for found in (server, getattr(server, "_lowlevel_server", None), getattr(server, "_mcp_server", None)):
        if hasattr(found, "create_initialization_options") and hasattr(found, "run"):
            return found
    raise LoadError(
        f"{type(server).__qualname__} is no MCP server: give a command, a URL, or a Server, MCPServer or FastMCP object"
    )


@asynccontextmanager
async def _streams(server: Any) -> AsyncIterator[Any]:
    """Run ``server`` in this event loop, for one client, and yield the client's streams."""
    pair: Any = import_module("mcp.shared.memory").create_client_server_memory_streams
    inner = lowlevel(server)
    async with AsyncExitStack() as opened:
        lifespan = getattr(
            server, "_lifespan_manager", None
        )  # the FastMCP framework's, outside of its low-level server
        if lifespan is not None:
            await opened.enter_async_context(lifespan())
        client, remote = await opened.enter_async_context(pair())
        async with anyio.create_task_group() as tasks:

            async def serve() -> None:
                await inner.run(remote[0], remote[1], inner.create_initialization_options())

            tasks.start_soon(serve)
            try:
                yield client
            finally:
                tasks.cancel_scope.cancel()
