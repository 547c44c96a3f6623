"""Servers and clients of whichever FastMCP is installed. A process of its own serves the sample on stdio."""

from __future__ import annotations

import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Any

from tests.support import sdk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what FastMCP's own dependencies deprecate
    fastmcp: Any = import_module("fastmcp")
    Client: Any = fastmcp.Client
    FastMCP: Any = fastmcp.FastMCP
    Middleware: Any = import_module("fastmcp.server.middleware").Middleware

MAJOR = int(version("fastmcp").split(".")[0])
HAS_SPANS = MAJOR >= 3
"""FastMCP 2 makes no spans."""
TRANSPORTS = ("memory", "http")


def make_server() -> Any:
    """Return a server with one of everything, and another one mounted into it."""
    mounted = FastMCP("mounted")

    @mounted.tool
    def inner_add(a: int, b: int) -> int:
        return a + b

    @mounted.tool
    def inner_boom() -> int:
        raise ValueError(sdk.SECRET)

    server = FastMCP("main")
    server.mount(mounted)

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool
    def boom() -> int:
        raise ValueError(sdk.SECRET)

    @server.tool
    async def outer_add(a: int, b: int) -> int:
        """Call a tool in this process, without a message."""
        await server.call_tool(*_call("add", a, b))
        return a + b

    @server.resource("memo://note")
    def note() -> str:
        return sdk.SECRET

    @server.prompt
    def greet(name: str) -> str:
        return f"Hello {name}"

    return server


def _call(name: str, a: int, b: int) -> tuple[str, dict[str, int]]:
    return name, {"a": a, "b": b}


def make_proxy(backend: Any) -> Any:
    """Return a server that forwards everything to ``backend``."""
    if MAJOR == 2:
        return FastMCP.as_proxy(backend, name="proxy")
    return import_module("fastmcp.server").create_proxy(backend, name="proxy")


async def call_in_process(server: Any, name: str, **arguments: Any) -> None:
    """Call a tool as a program may that holds the server: without any message."""
    await server.call_tool(name, arguments)


@asynccontextmanager
async def connected(transport: str, server: Any, **kwargs: Any) -> AsyncIterator[Any]:
    """Connect FastMCP's client to a server: in memory, or on loopback by streamable HTTP or legacy SSE."""
    if transport == "memory":
        async with Client(server, **kwargs) as client:
            yield client
        return
    app = server.http_app(transport=transport)
    with sdk.http_server(around=lambda _sample: app) as url:
        async with Client(url.replace("/mcp", "/sse") if transport == "sse" else url, **kwargs) as client:
            yield client


if __name__ == "__main__":  # on stdio, for the tests that need a real process
    make_server().run(transport="stdio", show_banner=False)
    sys.exit(0)
