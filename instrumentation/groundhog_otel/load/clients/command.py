"""Servers that are a command, over their standard streams."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Literal

from groundhog_otel.load.clients.children import Child, Pids, watch_spawns
from groundhog_otel.load.clients.command_failures import explain_command
from groundhog_otel.load.clients.exchanges import Exchanges
from groundhog_otel.load.clients.holding import Doubt, held
from groundhog_otel.load.clients.sdk import CONNECT_S, Protocol, connected, require
from groundhog_otel.load.clients.session import ClientSession
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session
from groundhog_otel.settings import forwarded_environment, inherited

__all__ = ("CommandTarget",)

_SILENT_S: Final = 5.0
"""How long a server has for the handshake once it has written what is no message: some greet first, and load then."""


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """A command that speaks MCP over its standard streams; each session starts a process of its own."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables for it, on top of what it inherits."""
    inherit: Literal["sdk", "all"] = "sdk"
    """``sdk``: what the SDK's client hands on by itself, and ``OTEL_*`` and ``GROUNDHOG_*``. ``all``: everything."""
    folder: str | None = None
    """Where it is started; None for here."""
    protocol: Protocol = "auto"
    connect_timeout_s: float = CONNECT_S
    _pids: Pids = field(default_factory=Pids, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The command, as one would type it."""
        return shlex.join(self.command)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Start the command and shake hands. Its process, and all that it started, end with the session.

        Raises:
            LoadError: it does not start, ends, hangs, or speaks something else.
        """
        require(self.protocol)
        if not self.command:
            raise LoadError("The command is empty: give the one that starts the server")
        given = inherited() if self.inherit == "all" else forwarded_environment()
        exchanges, child = Exchanges(), Child(self._pids)
        doubt = Doubt(_SILENT_S)
        exchanges.on_nonsense = doubt.begin
        transport = _streams(self.command, child, environment={**given, **self.env}, folder=self.folder)
        async with held(
            connected(transport, exchanges, protocol=self.protocol, kind="stdio"),
            timeout_s=self.connect_timeout_s,
            explain=lambda error: explain_command(
                self.command, error, child, exchanges.nonsense, timeout_s=self.connect_timeout_s
            ),
            fatal=doubt.end,
            on_end=exchanges.broke_off,
            before_close=child.remember_tree,
            after_close=child.end,
        ) as found:
            yield ClientSession(found, exchanges, child.obituary)

    def server_pids(self) -> tuple[int, ...]:
        """Return the processes that this target has started here and that still run."""
        return tuple(sorted(self._pids))


@asynccontextmanager
async def _streams(
    command: Sequence[str], child: Child, *, environment: Mapping[str, str], folder: str | None
) -> AsyncIterator[Any]:
    """Start ``command`` as the SDK does, and yield its streams."""
    watch_spawns()
    module: Any = import_module("mcp.client.stdio")
    parameters = module.StdioServerParameters(
        command=command[0], args=list(command[1:]), env=dict(environment), cwd=folder
    )
    child.spawning()
    async with module.stdio_client(parameters, errlog=child.errors) as streams:
        yield streams
