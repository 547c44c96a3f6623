"""The programs of ``conformance.yaml``: each makes one session and does one thing. They know nothing of telemetry.

Usage: ``python -m tests.conformance.scenario NAME``
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio

from tests.support import everything, sdk

Scenario = Callable[[], Awaitable[None]]


@asynccontextmanager
async def _http() -> AsyncIterator[Any]:
    with sdk.http_server(make=everything.make_server) as url:
        async with sdk.over_http(url, **everything.callbacks()) as session:
            yield session


@asynccontextmanager
async def _stdio() -> AsyncIterator[Any]:
    """Connect to a server that is instrumented as this program is."""
    agent = shutil.which("opentelemetry-instrument")
    command = (agent,) if agent and "opentelemetry.instrumentation" in sys.modules else ()
    server = (*command, sys.executable, "-m", "tests.support.everything")
    async with sdk.over_stdio(*server, env=dict(os.environ), **everything.callbacks()) as session:
        yield session
        await anyio.sleep(0.5)  # mcp 1.10 ends its server at once, and what was not exported is lost


async def initialize() -> None:
    async with _http() as session:
        await session.send_ping()  # by its answer, notifications/initialized has been read as well


async def tool_call() -> None:
    async with _http() as session:
        await session.call_tool("add", {"a": 1, "b": 2})


async def tool_error() -> None:
    async with _http() as session:
        await session.call_tool("boom", {})


async def protocol_error() -> None:
    async with _http() as session:
        with suppress(Exception):  # it is refused: nobody has that resource
            await session.read_resource(sdk.uri("nowhere://at-all"))


async def resource_read() -> None:
    async with _http() as session:
        await session.read_resource(sdk.uri("memo://note"))


async def prompt_get() -> None:
    async with _http() as session:
        await session.get_prompt("greet", {"name": "you"})


async def notification() -> None:
    async with _http() as session:
        await session.send_roots_list_changed()
        await session.send_ping()  # as above


async def sampling() -> None:
    """A tool that asks the client's model, its user, and more: see ``tests.support.everything``."""
    async with _http() as session:
        await session.call_tool("everything", {})
        await anyio.sleep(0.5)  # what a server sends outside of a request arrives when it arrives


async def stdio_tool_call() -> None:
    async with _stdio() as session:
        await session.call_tool("add", {"a": 1, "b": 2})
        await session.call_tool("boom", {})


SCENARIOS: dict[str, Scenario] = {
    one.__name__: one
    for one in (
        initialize,
        tool_call,
        tool_error,
        protocol_error,
        resource_read,
        prompt_get,
        notification,
        sampling,
        stdio_tool_call,
    )
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # what 2026-07-28 dropped is deprecated in mcp 2.x
    anyio.run(SCENARIOS[sys.argv[1]])
