"""The servers that can be tested: a command, a URL, a Python object."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from groundhog_otel.load.clients.command import CommandTarget
from groundhog_otel.load.clients.memory import MemoryTarget, lowlevel
from groundhog_otel.load.clients.sdk import CONNECT_S, Protocol
from groundhog_otel.load.clients.url import UrlTarget
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Target

__all__ = ("CommandTarget", "MemoryTarget", "UrlTarget", "target_for")


def target_for(
    server: Any,
    *,
    transport: Literal["auto", "http", "sse"] = "auto",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    token_env: str | None = None,
    env: Mapping[str, str] | None = None,
    inherit: Literal["sdk", "all"] = "sdk",
    folder: str | None = None,
    protocol: Protocol = "auto",
    connect_timeout_s: float = CONNECT_S,
) -> Target:
    """Return what ``server`` is: a URL, a command (as one string, or its words), or a Python object.

    A URL whose path ends in ``/sse`` is taken for the legacy transport, unless ``transport`` says otherwise.

    Raises:
        LoadError: it is none of these, or an option does not go with it.
    """
    web = {"headers": headers, "token": token, "token_env": token_env, "transport": transport != "auto"}
    local = {"env": env, "inherit": inherit != "sdk", "folder": folder}
    if isinstance(server, str) and server.startswith(("http://", "https://")):
        _none_of(local, "is for commands, and this is a URL")
        if not urlsplit(server).hostname:
            raise LoadError(f"{server} has no host: write it as http://host:port/mcp")
        if transport == "auto":
            transport = "sse" if urlsplit(server).path.rstrip("/").endswith("/sse") else "http"
        return UrlTarget(server, transport, headers or {}, token, token_env, protocol, connect_timeout_s)
    _none_of(web, "is for URLs, and this is none")
    if (first := _first_word(server)) is not None and "://" in first:
        raise LoadError(f"{first} is no URL of a server: write it as http://host:port/mcp")
    if isinstance(server, (str, Sequence)):
        try:
            words = tuple(shlex.split(server)) if isinstance(server, str) else tuple(map(str, server))
        except ValueError as error:
            raise LoadError(f"The command {server!r} cannot be split into words ({error}): close its quotes") from error
        return CommandTarget(words, env or {}, inherit, folder, protocol, connect_timeout_s)
    _none_of(local, "is for commands, and this is a Python object")
    lowlevel(server)
    return MemoryTarget(server, protocol, connect_timeout_s)


def _first_word(server: Any) -> str | None:
    if isinstance(server, str):
        return server.partition(" ")[0]
    return str(server[0]) if isinstance(server, Sequence) and server else None


def _none_of(options: Mapping[str, Any], why: str) -> None:
    for name, value in options.items():
        if value:
            raise LoadError(f"{name} {why}: leave it away")
