"""A server that spends its time in known places; over HTTP, until its standard input ends. It prints its address."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from tests.support import sdk

FAR_S = 0.3
BLOCK_S = 0.5


def make_server(**settings: Any) -> Any:
    server = sdk.make_server(**settings)
    tracer = trace.get_tracer("app")
    narrow = anyio.CapacityLimiter(1)

    @server.tool()
    async def work(own: float, elsewhere: float) -> str:
        with tracer.start_as_current_span("step"):
            await anyio.sleep(own / 2)
            with tracer.start_as_current_span("database", kind=SpanKind.CLIENT):
                await anyio.sleep(elsewhere)
        await anyio.sleep(own / 2)
        return "done"

    @server.tool()
    async def narrow_thread(seconds: float) -> str:
        await anyio.to_thread.run_sync(time.sleep, seconds, limiter=narrow)
        return "done"

    @server.tool()
    async def block() -> str:
        time.sleep(BLOCK_S)  # noqa: ASYNC251 - the mistake under test
        return "done"

    return server


def far(app: Any) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Stand for a long way: nothing is known of it but that the answer comes later."""

    async def delayed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and b"far" in scope["query_string"]:
            await anyio.sleep(FAR_S)
        await app(scope, receive, send)

    return delayed


if __name__ == "__main__":
    with sdk.http_server(make=make_server, around=far) as url:
        print(url, flush=True)
        sys.stdin.read()
