"""A server over streamable HTTP in a process of its own: ``python -m bench.load.served WAY MAKER``; it prints its URL.

``WAY`` is ``sessions``, or ``stateless``: without sessions, and with JSON answers, which any HTTP client can read.
``MAKER`` is ``sdk`` or ``fastmcp``, whichever of theirs is installed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

from tests.support import sdk
from tests.support.processes import ROOT, environment

__all__ = ("TAKES_S", "serving")

TAKES_S = 0.005
"""How long the tool ``look`` waits."""
EVENTS = 20
"""How many notifications the tool ``tell`` sends."""


def _make(**settings: Any) -> Any:
    server = sdk.make_server(**settings)
    hint: Any = sdk.mcp_types().ToolAnnotations
    read_only = hint.model_validate({"readOnlyHint": True})

    @server.tool(annotations=read_only)
    async def look(word: str) -> str:
        await anyio.sleep(TAKES_S)
        return word

    async def tell(ctx: Any) -> str:
        for _ in range(EVENTS):
            await ctx.session.send_tool_list_changed()
        return "told"

    tell.__annotations__["ctx"] = sdk.context_class()
    server.tool(annotations=read_only)(tell)
    return server


class _FastMcp:
    """A server of the FastMCP framework, to be asked for its application as one of the SDK is."""

    def __init__(self, **settings: Any) -> None:
        framework: Any = import_module("fastmcp")
        self._settings = settings
        self._server = framework.FastMCP("bench")

        async def look(word: str) -> str:
            await anyio.sleep(TAKES_S)
            return word

        async def tell(ctx: Any) -> str:
            for _ in range(EVENTS):
                await ctx.session.send_tool_list_changed()
            return "told"

        tell.__annotations__["ctx"] = framework.Context
        for tool in (look, tell):
            self._server.tool(tool, annotations={"readOnlyHint": True})

    def streamable_http_app(self, **settings: Any) -> Any:
        return self._server.http_app(**self._settings, **settings)


@contextmanager
def serving(way: str, maker: str = "sdk", python: Path = Path(sys.executable)) -> Iterator[tuple[str, int]]:
    """Start a server with a Python that has what it takes; yield its URL and its process."""
    command = [str(python), "-W", "ignore", "-m", "bench.load.served", way, maker]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # mcp 1.x logs a traceback for each stream that a client closes
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.stdin.close()
            process.stdin = None


if __name__ == "__main__":
    stateless = sys.argv[1] == "stateless"
    make: Any = _FastMcp if sys.argv[2:] == ["fastmcp"] else _make
    with sdk.http_server(make=make, stateless=stateless, json_response=stateless) as url:
        print(url, flush=True)
        sys.stdin.read()
