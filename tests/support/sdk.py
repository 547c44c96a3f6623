"""One sample server and one way to connect, for whichever generation of the mcp SDK is installed."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Any

import anyio

VERSION = tuple(int(part) for part in version("mcp").split(".")[:2])
IS_V2 = VERSION >= (2, 0)
SECRET = "s3cr3t-marker"  # noqa: S105 - what must turn up nowhere


def make_server(**settings: Any) -> Any:
    """Return a server of the SDK's high-level kind, with one of everything."""
    module: Any = import_module("mcp.server.mcpserver" if IS_V2 else "mcp.server.fastmcp")
    server: Any = (module.MCPServer if IS_V2 else module.FastMCP)("sample", log_level="CRITICAL", **settings)

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    def boom() -> int:
        raise ValueError(SECRET)

    @server.tool()
    async def nap(seconds: float) -> str:
        await anyio.sleep(seconds)
        return "rested"

    async def roots(ctx: Any) -> int:
        return len((await ctx.session.list_roots()).roots)

    roots.__annotations__["ctx"] = context_class()
    server.tool()(roots)

    @server.resource("memo://note")
    def note() -> str:
        return SECRET

    @server.prompt()
    def greet(name: str) -> str:
        return f"Hello {name}"

    return server


def context_class() -> Any:
    """Return the class by whose annotation a tool asks for its context."""
    return import_module("mcp.server.mcpserver" if IS_V2 else "mcp.server.fastmcp").Context


def lowlevel(server: Any) -> Any:
    """Return the low-level server inside a high-level one."""
    return getattr(server, "_lowlevel_server" if IS_V2 else "_mcp_server", server)


def mcp_types() -> Any:
    """Return the module of the protocol's models."""
    return import_module("mcp_types" if IS_V2 else "mcp.types")


def uri(text: str) -> Any:
    """Return a URI as the installed SDK's client wants it."""
    if IS_V2:
        return text
    from pydantic import AnyUrl

    return AnyUrl(text)


async def _list_roots(context: Any) -> Any:
    types = mcp_types()
    return types.ListRootsResult(roots=[types.Root(uri=uri("file:///tmp"))])


@asynccontextmanager
async def _session(streams: Any, **kwargs: Any) -> AsyncIterator[Any]:
    from mcp import ClientSession

    async with ClientSession(streams[0], streams[1], list_roots_callback=_list_roots, **kwargs) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def in_memory(server: Any, **kwargs: Any) -> AsyncIterator[Any]:
    """Connect a handshake-era session to a server in this process, over the SDK's memory streams."""
    from mcp.shared.memory import create_client_server_memory_streams

    inner = lowlevel(server)
    async with create_client_server_memory_streams() as (client, remote), anyio.create_task_group() as tasks:
        tasks.start_soon(inner.run, remote[0], remote[1], inner.create_initialization_options())
        async with _session(client, **kwargs) as session:
            yield session
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def over_stdio(*command: str, env: dict[str, str] | None = None, **kwargs: Any) -> AsyncIterator[Any]:
    """Start a server as a child process and connect to it."""
    from mcp import StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters = StdioServerParameters(command=command[0], args=list(command[1:]), env=env)
    async with stdio_client(parameters) as streams, _session(streams, **kwargs) as session:
        yield session


@asynccontextmanager
async def over_sse(
    url: str, httpx_client_factory: Callable[..., Any] | None = None, **kwargs: Any
) -> AsyncIterator[Any]:
    """Connect to a server by the legacy transport."""
    sse = import_module("mcp.client.sse")
    given = {} if httpx_client_factory is None else {"httpx_client_factory": httpx_client_factory}
    async with sse.sse_client(url, **given) as streams, _session(streams, **kwargs) as session:
        yield session


@asynccontextmanager
async def over_http(url: str, on_request: Callable[[], None] | None = None, **kwargs: Any) -> AsyncIterator[Any]:
    """Connect a handshake-era session to a server by streamable HTTP; ``on_request`` is called within every request."""

    async def hook(_request: Any) -> None:
        if on_request is not None:
            on_request()

    module: Any = import_module("mcp.client.streamable_http")
    hooks = {"request": [hook]}
    async with AsyncExitStack() as opened:
        if IS_V2:
            client = await opened.enter_async_context(
                import_module("httpx2").AsyncClient(event_hooks=hooks, timeout=30)
            )
            streams = await opened.enter_async_context(module.streamable_http_client(url, http_client=client))
        else:

            def factory(**kwargs: Any) -> Any:
                kwargs = {key: value for key, value in kwargs.items() if value is not None}
                return import_module("httpx").AsyncClient(event_hooks=hooks, follow_redirects=True, **kwargs)

            connecting = module.streamablehttp_client(url, httpx_client_factory=factory)
            streams = await opened.enter_async_context(connecting)
        yield await opened.enter_async_context(_session(streams, **kwargs))


@contextmanager
def http_server(
    *,
    make: Callable[..., Any] = make_server,
    stateless: bool = False,
    json_response: bool = False,
    sse: bool = False,
    around: Callable[[Any], Any] = lambda app: app,
) -> Iterator[str]:
    """Serve a server on a free loopback port, in a thread of its own; yield its URL.

    ``around`` may wrap the ASGI application, as an HTTP instrumentation does.
    """
    import uvicorn

    if sse:
        app = make().sse_app()
    elif IS_V2:
        app = make().streamable_http_app(stateless_http=stateless, json_response=json_response)
    else:
        app = make(stateless_http=stateless, json_response=json_response).streamable_http_app()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(around(app), log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the sample HTTP server did not start"
        assert time.monotonic() < deadline, "the sample HTTP server takes too long to start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{'sse' if sse else 'mcp'}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


if __name__ == "__main__":  # the sample server on stdio, for the tests that need a real process
    make_server().run("stdio")
    sys.exit(0)
