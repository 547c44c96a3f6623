"""An MCP server with one tool of each kind: slow, quick, and one that fails. It knows nothing of OpenTelemetry."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("slow-server", log_level="WARNING")


@server.tool()
async def nap(ms: int) -> str:
    """Sleep for some milliseconds, as a tool does that waits for a database."""
    await anyio.sleep(ms / 1000)
    return f"slept {ms} ms"


@server.tool()
async def quick(text: str) -> str:
    """Answer at once."""
    return text.upper()


@server.tool()
async def fail() -> str:
    """Fail, always."""
    raise ToolError("this tool always fails")


if __name__ == "__main__":
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with suppress(KeyboardInterrupt):
        server.run("streamable-http", port=int(sys.argv[1]))
