"""Actions of the optimiser on tools of the FastMCP framework, mounted ones too."""

from __future__ import annotations

import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import anyio.lowlevel
import pytest

from groundhog_otel.optimizer.actions.cache_result import CacheResult
from groundhog_otel.optimizer.actions.offload import Offload
from tests.fastmcp import sample
from tests.optimizer.actions.told import applied

pytestmark = pytest.mark.anyio
fastmcp: Any = sample.fastmcp

THREADED = sample.MAJOR >= 3
"""Whether functions that are not async run in a thread anyway."""


def _in_main() -> str:
    return str(threading.current_thread() is threading.main_thread())


def _server(calls: list[str]) -> Any:
    server: Any = fastmcp.FastMCP("inner")

    @server.tool
    async def where(word: str) -> str:
        calls.append(word)
        await anyio.lowlevel.checkpoint()
        return word + _in_main()

    @server.tool
    async def broken() -> str:
        raise ValueError("no luck")

    @server.tool
    def plain() -> str:
        return _in_main()

    async def needy(ctx: Any) -> str:
        return _in_main()

    needy.__annotations__["ctx"] = fastmcp.Context
    server.tool(needy)
    return server


async def _text(client: Any, name: str, **arguments: Any) -> str:
    return str((await client.call_tool(name, arguments)).content[0].text)


def _tool_class() -> Any:
    home = "fastmcp.tools.function_tool" if find_spec("fastmcp.tools.function_tool") else "fastmcp.tools.tool"
    return import_module(home).FunctionTool


async def test_a_tool_runs_in_a_thread_until_it_is_taken_back() -> None:
    run = vars(_tool_class())["run"]
    async with fastmcp.Client(_server([])) as client:
        with applied(Offload(tool="where")) as said:
            assert [await _text(client, "where", word=word) for word in "ab"] == ["aFalse", "bFalse"]
        assert said == [("applied", "where runs in a worker thread")]
        assert await _text(client, "where", word="c") == "cTrue"
    assert vars(_tool_class())["run"] is run


async def test_a_mounted_tool_is_known_by_its_own_name_and_not_by_that_with_a_prefix() -> None:
    outer: Any = fastmcp.FastMCP("outer")
    outer.mount(_server([]), "inner")
    async with fastmcp.Client(outer) as client:
        names = {tool.name for tool in await client.list_tools()}
        assert "inner_where" in names
        with applied(Offload(tool="inner_where")) as said:
            assert await _text(client, "inner_where", word="a") == "aTrue"
        assert said == []
        with applied(Offload(tool="where")):
            assert await _text(client, "inner_where", word="a") == "aFalse"


async def test_errors_stay_the_same() -> None:
    async with fastmcp.Client(_server([])) as client:
        bare = await client.call_tool("broken", {}, raise_on_error=False)
        with applied(Offload(tool="broken")):
            found = await client.call_tool("broken", {}, raise_on_error=False)
    assert found.content == bare.content
    assert found.is_error


async def test_what_is_in_a_thread_already_or_needs_the_loop_is_left_alone() -> None:
    async with fastmcp.Client(_server([])) as client:
        with applied(Offload(tool="plain")) as said:
            assert await _text(client, "plain") == "False"
        assert said[0][0] == ("refused" if THREADED else "applied")
        with applied(Offload(tool="needy")) as said:
            assert await _text(client, "needy") == "True"
        assert said[0] == ("refused", "needy takes the server's context, which works in the server's event loop only")


async def test_equal_calls_are_answered_from_memory() -> None:
    calls: list[str] = []
    async with fastmcp.Client(_server(calls)) as client:
        with applied(CacheResult(tool="where", ttl_s=60.0)) as said:
            assert [await _text(client, "where", word="a") for _ in range(2)] == ["aTrue", "aTrue"]
        assert calls == ["a"]
        assert said == [("applied", "answers of where are kept for 60 s")]
