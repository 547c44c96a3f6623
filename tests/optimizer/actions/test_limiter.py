from __future__ import annotations

import anyio.to_thread
import pytest

from groundhog_otel.optimizer.actions.limiter import Limiter
from tests.optimizer.actions.told import applied
from tests.support import sdk

pytestmark = pytest.mark.anyio


def _tokens() -> float:
    return anyio.to_thread.current_default_thread_limiter().total_tokens


async def test_the_loop_has_as_many_threads_as_it_is_given_and_afterwards_as_many_as_before() -> None:
    run_sync = anyio.to_thread.run_sync
    before = _tokens()
    with applied(Limiter(tokens=77)) as said:
        assert await anyio.to_thread.run_sync(lambda: 5) == 5
        assert _tokens() == 77
        assert await anyio.to_thread.run_sync(lambda: 6) == 6
        assert said == [("applied", f"{before:g} worker threads before, 77 now")]
    assert _tokens() == before
    assert anyio.to_thread.run_sync is run_sync


async def test_those_who_wait_are_let_in_at_once() -> None:
    anyio.to_thread.current_default_thread_limiter().total_tokens = 1
    async with anyio.create_task_group() as tasks:
        release = anyio.Event()

        async def taken() -> None:
            async with anyio.to_thread.current_default_thread_limiter():
                await release.wait()

        tasks.start_soon(taken)
        await anyio.lowlevel.checkpoint()
        await anyio.sleep(0.01)
        with applied(Limiter(tokens=2)):
            with anyio.fail_after(20):
                assert await anyio.to_thread.run_sync(lambda: "in") == "in"
            release.set()
    assert _tokens() == 1


async def test_there_is_nothing_to_do_where_there_are_as_many() -> None:
    with applied(Limiter(tokens=int(_tokens()))) as said:
        await anyio.to_thread.run_sync(lambda: None)
    assert said == [("refused", f"the limiter has {_tokens():g} tokens already")]


async def test_each_loop_gets_them() -> None:
    def in_another() -> float:
        async def look() -> float:
            await anyio.to_thread.run_sync(lambda: None)
            return _tokens()

        return anyio.run(look)

    with applied(Limiter(tokens=9)):
        assert await anyio.to_thread.run_sync(in_another) == 9


@pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1 runs no tool in a thread")
async def test_a_server_s_tools_run_within_it() -> None:
    with applied(Limiter(tokens=55)) as said:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
        assert said[0][0] == "applied"
