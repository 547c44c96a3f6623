"""A server whose tools one action each would help, or harm, or leave as they are; as a program, over stdio or HTTP."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from tests.support import sdk

BLOCKS_S = 0.02
NAPS_S = 0.4


class Client:
    """Belongs to the event loop that has used it first, as pooled connections do."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def use(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise RuntimeError("attached to a different loop")


def make_server(**settings: Any) -> Any:
    server = sdk.make_server(**settings)
    hint: Any = sdk.mcp_types().ToolAnnotations.model_validate({"readOnlyHint": True})
    client = Client()

    @server.tool(annotations=hint)
    async def quick(word: str) -> str:
        return word

    @server.tool(annotations=hint)
    async def render(size: int) -> str:
        time.sleep(BLOCKS_S)  # noqa: ASYNC251 - the fault
        return "#" * (size % 10)

    @server.tool(annotations=hint)
    async def fetch(word: str) -> str:
        client.use()
        return word

    @server.tool(annotations=hint)
    def wait(word: str) -> str:
        time.sleep(NAPS_S)
        return word

    @server.tool(annotations=hint)
    async def fragile(word: str) -> str:
        if "gc_freeze" in os.environ.get("OTEL_PYTHON_GROUNDHOG_ACTIONS", ""):
            os._exit(3)
        return word

    return server


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import uvicorn

        uvicorn.run(make_server().streamable_http_app(), port=int(sys.argv[1]), log_level="warning")
    else:
        make_server().run("stdio")
