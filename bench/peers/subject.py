"""The server that peers watch, and the floor around it, by the high-level API that their users call.

The official SDK is reached over streamable HTTP when it is probed, because some peers hook transports, and in memory
when it is timed. FastMCP has a server and a client of its own, always in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from opentelemetry.trace import SpanKind

from bench.floor import Floor
from tests.support import sdk

__all__ = ("call", "connected", "make_server")


def make_server(*, fastmcp: bool, floor: Callable[[], Floor | None] = lambda: None, **settings: Any) -> Any:
    """Return a server whose tool ``echo`` returns its argument, and whose tool ``boom`` raises it."""
    if fastmcp:
        module: Any = import_module("fastmcp")
        server, context = module.FastMCP("peers"), module.Context
    else:
        module = import_module("mcp.server.mcpserver" if sdk.IS_V2 else "mcp.server.fastmcp")
        cls = module.MCPServer if sdk.IS_V2 else module.FastMCP
        server, context = cls("peers", log_level="CRITICAL", **settings), sdk.context_class()

    async def echo(text: str, ctx: Any) -> str:
        async def inner() -> str:
            return text

        current = floor()
        if current is None:
            return text
        meta = ctx.request_context.meta
        return str(await current.around(SpanKind.SERVER, inner, getattr(meta, "model_extra", None) or meta))

    def boom(text: str) -> str:
        raise ValueError(text)

    echo.__annotations__["ctx"] = context
    server.tool()(echo)
    server.tool()(boom)
    return server


@asynccontextmanager
async def connected(*, fastmcp: bool, http: bool, **kwargs: Any) -> AsyncIterator[Any]:
    """Connect a client to such a server."""
    if fastmcp:
        async with import_module("fastmcp").Client(make_server(fastmcp=True, **kwargs)) as client:
            yield client
    elif http:
        with sdk.http_server(make=lambda **settings: make_server(fastmcp=False, **settings, **kwargs)) as url:
            async with sdk.over_http(url) as session:
                yield session
    else:
        async with sdk.in_memory(make_server(fastmcp=False, **kwargs)) as session:
            yield session


async def call(client: Any, floor: Floor | None = None) -> Any:
    """Call ``echo`` once."""

    async def send() -> Any:
        carrier = floor.carrier() if floor else {}
        more = {"meta": carrier} if carrier else {}
        return await client.call_tool("echo", {"text": "hello"}, **more)

    return await (floor.around(SpanKind.CLIENT, send) if floor else send())
