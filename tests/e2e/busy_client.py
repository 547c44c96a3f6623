"""An MCP client that does a bit of everything for some seconds: lists, calls, calls that fail.

Usage: busy_client.py SERVER [ARG …], where the server is mcp-server-time, instrumented or not.
"""

from __future__ import annotations

import asyncio
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

ROUNDS = 30
FAILING = 10


async def main() -> None:
    environment = {**os.environ, "OTEL_SERVICE_NAME": os.environ["SERVER_NAME"]}
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=environment)
    failed = 0
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        for number in range(ROUNDS):
            await session.list_tools()
            zone = "nowhere" if number % (ROUNDS // FAILING) == 0 else "UTC"
            result = await session.call_tool("get_current_time", {"timezone": zone})
            failed += bool(result.model_dump(by_alias=True)["isError"])
            await asyncio.sleep(0.15)
    print(failed)


if __name__ == "__main__":
    asyncio.run(main())
