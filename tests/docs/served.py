"""The server that the pages' commands start: ``python server.py`` on stdio, ``python server.py PORT`` over HTTP."""

from __future__ import annotations

import sys
import time
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server: Any = MCPServer("pages", log_level="CRITICAL")
READ_ONLY = ToolAnnotations.model_validate({"readOnlyHint": True})


@server.tool(annotations=READ_ONLY)
async def search(query: str, limit: int = 5) -> dict[str, Any]:
    """Find things: some of it computes, some of it waits."""
    end = time.thread_time() + 0.03
    while time.thread_time() < end:
        pass
    await anyio.sleep(0.01)
    items = [{"id": f"{query}-{number}"} for number in range(min(limit, 20))]
    return {"total": len(items), "items": items, "found": "found"}


@server.tool(annotations=READ_ONLY)
async def show(id: str) -> str:  # noqa: A002 - what the page's scenario calls it
    """Show one thing."""
    return id


@server.tool()
async def import_rows(count: int = 1000) -> int:
    """Make rows."""
    return len([str(number) * 10 for number in range(count)])


@server.tool(annotations=READ_ONLY)
async def render(page: int = 1) -> str:
    """Block the event loop."""
    time.sleep(0.02)  # noqa: ASYNC251 - the fault that a page speaks of
    return "x" * page


@server.tool(annotations=READ_ONLY)
async def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@server.resource("memo://note")
def note() -> str:
    """Keep a note."""
    return "a note"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello {name}"


if __name__ == "__main__":
    if sys.argv[1:]:
        import uvicorn

        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
    else:
        server.run("stdio")
