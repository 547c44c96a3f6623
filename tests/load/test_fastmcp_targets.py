"""FastMCP objects in memory: run in an environment that has FastMCP (`make .venv-fastmcp4/ready`)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.targets import target_for

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(find_spec("fastmcp") is None, reason="FastMCP is not installed")]


async def test_a_fastmcp_object_with_what_it_mounts_and_its_lifespan() -> None:
    sample: Any = import_module("tests.fastmcp.sample")
    open_now = 0

    @asynccontextmanager
    async def lifespan(_server: Any) -> Any:
        nonlocal open_now
        open_now += 1
        yield {}
        open_now -= 1

    server = sample.FastMCP("outer", lifespan=lifespan)
    server.mount(sample.make_server())
    target = target_for(server)
    assert target.name == "outer"
    async with target.open() as session, target.open() as other:
        assert session.server.transport == "memory"
        assert open_now >= 1
        assert {"add", "inner_add"} <= {tool.name for tool in await session.tools()}
        for one in (session, other):
            answer = await one.request("tools/call", "inner_add", {"a": 1, "b": 2}, meta={}, timeout_s=20)
            assert answer.error is None
            assert answer.result is not None
            assert answer.result["structuredContent"] == {"result": 3}
            assert answer.read_ns is not None
    assert open_now == 0


async def test_a_fastmcp_object_whose_lifespan_fails() -> None:
    sample: Any = import_module("tests.fastmcp.sample")

    @asynccontextmanager
    async def lifespan(server: Any) -> Any:
        if server:
            raise ValueError("no database")
        yield {}

    with pytest.raises(LoadError, match=r"outer could not be started .ValueError: no database.: mend its lifespan"):
        async with target_for(sample.FastMCP("outer", lifespan=lifespan)).open():
            pass
