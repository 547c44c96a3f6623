"""Servers that are a URL: streamable HTTP, and the legacy transport before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from groundhog_otel.load.clients.exchanges import Exchanges
from groundhog_otel.load.clients.holding import Doubt, held
from groundhog_otel.load.clients.http import http_streams, sse_streams
from groundhog_otel.load.clients.http_watch import HttpWatch
from groundhog_otel.load.clients.limits import raise_file_limit
from groundhog_otel.load.clients.listeners import listening_pids
from groundhog_otel.load.clients.sdk import CONNECT_S, Protocol, connected, require
from groundhog_otel.load.clients.session import ClientSession
from groundhog_otel.load.clients.url_failures import explain_url
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session
from groundhog_otel.settings import variable

__all__ = ("UrlTarget",)

_NONSENSE_S: Final = 1.0
"""How long a handshake may go on once its answer was seen to be none: some releases of the SDK wait."""


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """A server that is reached by HTTP."""

    url: str = field(repr=False)  # it may hold a password
    transport: Literal["http", "sse"] = "http"
    """``http`` is streamable HTTP; ``sse`` the transport of 2024-11-05 that came before it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: str | None = field(default=None, repr=False)
    """A bearer token."""
    token_env: str | None = None
    """The environment variable that holds it."""
    protocol: Protocol = "auto"
    connect_timeout_s: float = CONNECT_S

    @property
    def name(self) -> str:
        """The URL, without what may be secret in it."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Connect and shake hands.

        Raises:
            LoadError: nothing listens there, it wants a token, it is no MCP server, it hangs.
        """
        protocol: Protocol = "handshake" if self.transport == "sse" and self.protocol == "auto" else self.protocol
        require(protocol)
        if self.transport == "sse" and protocol != "handshake":
            raise LoadError(f"The legacy transport has no {protocol}: leave the protocol to be chosen (auto)")
        raise_file_limit()
        headers = self._headers()
        exchanges = Exchanges()
        watch = HttpWatch(exchanges, answers_in_response=self.transport == "http")
        doubt = Doubt(_NONSENSE_S)
        watch.on_trouble = lambda trouble: doubt.begin() if trouble.rpc == "initialize" else None
        exchanges.on_nonsense = doubt.begin
        streams = http_streams if self.transport == "http" else sse_streams
        async with held(
            connected(streams(self.url, watch, headers), exchanges, protocol=protocol, kind=self.transport),
            timeout_s=self.connect_timeout_s,
            explain=lambda error: explain_url(
                self.name,
                error,
                watch.troubles,
                exchanges.nonsense,
                authorized=self._authorized(headers),
                timeout_s=self.connect_timeout_s,
            ),
            fatal=doubt.end,
            on_end=exchanges.broke_off,
        ) as found:
            watch.connecting = False
            yield ClientSession(found, exchanges)

    def server_pids(self) -> tuple[int, ...]:
        """Return the process that listens there and its children, where it is one of this machine's."""
        return listening_pids(self.url)

    def _authorized(self, headers: Mapping[str, str]) -> bool:
        return urlsplit(self.url).username is not None or "authorization" in {name.lower() for name in headers}

    def _headers(self) -> dict[str, str]:
        token = self.token
        if token is None and self.token_env is not None:
            token = variable(self.token_env)
            if not token:
                raise LoadError(f"The environment variable {self.token_env} holds no token: set it, or give another")
        given = dict(self.headers)
        if token is not None and urlsplit(self.url).username is not None:
            raise LoadError(f"{self.name} was given a user and a token, and HTTP takes one of them: leave one away")
        if token is not None:
            given["Authorization"] = f"Bearer {token.strip()}"
        for name, value in given.items():
            if not value.isascii() or not value.isprintable() or not name.isascii():
                raise LoadError(f"The header {name} cannot be sent: it holds what is no printable ASCII character")
        return given
