"""An MCP client like any other: starts a server over stdio and makes the calls it is told to.

Usage: client_program.py SERVER [ARG …] with a JSON list of [tool, arguments, times, pause_s] on standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    calls = json.load(sys.stdin)
    # The SDK hands a server six variables of its own choice; this one wants its telemetry settings too.
    environment = {**os.environ, "OTEL_SERVICE_NAME": os.environ["SERVER_NAME"]}
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=environment)
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        made = 0
        for tool, arguments, times, pause_s in calls:
            for _ in range(times):
                result = await session.call_tool(tool, arguments)
                assert not result.model_dump(by_alias=True)["isError"], result
                made += 1
                await asyncio.sleep(pause_s)
    print(made)


asyncio.run(main())
