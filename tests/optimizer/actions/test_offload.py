"""A blocking tool of a real server, run in a thread and not; nothing is timed, threads are told apart."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from importlib import import_module
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from groundhog_otel.optimizer.actions.offload import Offload
from tests.optimizer.actions.told import applied
from tests.support import sdk

pytestmark = pytest.mark.anyio

CALLER: ContextVar[str] = ContextVar("caller", default="nobody")


def _tool_class() -> Any:
    return import_module("mcp.server.mcpserver.tools.base" if sdk.IS_V2 else "mcp.server.fastmcp.tools.base").Tool


def _server() -> Any:
    server = sdk.make_server()

    @server.tool()
    async def where(word: str = "") -> str:
        """Say where it runs."""
        await anyio.lowlevel.checkpoint()
        return f"{word}{threading.current_thread() is threading.main_thread()} {CALLER.get()}"

    @server.tool()
    async def broken() -> str:
        raise ValueError("no luck")

    @server.tool()
    def plain() -> str:
        return f"{threading.current_thread() is threading.main_thread()}"

    async def needy(ctx: Any) -> str:
        return f"{threading.current_thread() is threading.main_thread()}"

    needy.__annotations__["ctx"] = sdk.context_class()
    server.tool()(needy)
    return server


async def _text(session: Any, name: str, **arguments: Any) -> str:
    return str((await session.call_tool(name, arguments)).content[0].text)


async def test_a_named_tool_runs_in_a_thread_with_its_context_until_it_is_taken_back() -> None:
    run = _tool_class().run
    async with sdk.in_memory(_server()) as session:
        assert await _text(session, "where") == "True nobody"
        with applied(Offload(tool="where")) as said:
            assert _tool_class().run is not run
            assert await _text(session, "where", word="x") == "xFalse nobody"
            assert await _text(session, "where") == "False nobody"
            assert await _text(session, "add", a=1, b=2) == "3"
        assert said == [("applied", "where runs in a worker thread")]
        assert _tool_class().run is run
        assert await _text(session, "where") == "True nobody"


async def test_tools_themselves_are_not_changed() -> None:
    server = _server()
    tools = {tool.name: (tool, tool.fn, tool.is_async) for tool in server._tool_manager.list_tools()}
    with applied(Offload(tool="where")):
        async with sdk.in_memory(server) as session:
            await _text(session, "where")
            after = {tool.name: (tool, tool.fn, tool.is_async) for tool in server._tool_manager.list_tools()}
    assert all(after[name][0] is tool and after[name][1] is fn for name, (tool, fn, _) in tools.items())
    assert {name: one[2] for name, one in after.items()} == {name: one[2] for name, one in tools.items()}


async def test_others_are_answered_while_it_blocks() -> None:
    server = _server()
    go_on = threading.Event()

    @server.tool()
    async def block() -> bool:
        return go_on.wait(20)  # never, if it were in the loop that is to answer the other call first

    answers: list[str] = []
    with applied(Offload(tool="block")):
        async with sdk.in_memory(server) as session, anyio.create_task_group() as tasks:

            async def hold() -> None:
                answers.append(await _text(session, "block"))

            tasks.start_soon(hold)
            await anyio.sleep(0.05)
            answers.append(await _text(session, "add", a=1, b=1))
            go_on.set()
    assert answers == ["2", "true"]


async def test_the_context_of_the_call_comes_along() -> None:
    server = _server()
    manager = server._tool_manager
    run = _tool_class().run
    with applied(Offload(tool="where")):
        CALLER.set("somebody")
        tool = manager.get_tool("where")
        assert "False somebody" in str(await _tool_class().run(tool, {}, *([None] if sdk.IS_V2 else [])))
    assert _tool_class().run is run


async def test_what_it_raises_is_what_it_raised() -> None:
    async with sdk.in_memory(_server()) as session:
        bare = await session.call_tool("broken", {})
        with applied(Offload(tool="broken")):
            assert (await session.call_tool("broken", {})).content == bare.content


async def test_a_tool_that_takes_the_context_is_left_alone() -> None:
    async with sdk.in_memory(_server()) as session:
        with applied(Offload(tool="needy")) as said:
            assert await _text(session, "needy") == "True"
    assert said == [("refused", "needy takes the server's context, which works in the server's event loop only")]


async def test_a_tool_that_is_not_async() -> None:
    async with sdk.in_memory(_server()) as session:
        with applied(Offload(tool="plain")) as said:
            assert await _text(session, "plain") == "False"  # mcp 2 does so by itself, mcp 1 does not
    if sdk.IS_V2:
        assert said == [("refused", "plain is not async, so the server runs it in a worker thread already")]
    else:
        assert said == [("applied", "plain runs in a worker thread")]
