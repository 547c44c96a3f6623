from __future__ import annotations

from typing import Any

import anyio
import pytest

from groundhog_otel.optimizer.actions import cache_result
from groundhog_otel.optimizer.actions.cache_result import CacheResult
from tests.optimizer.actions.told import applied
from tests.support import sdk

pytestmark = pytest.mark.anyio


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(cache_result, "monotonic", found)
    return found


def _server(calls: list[str]) -> Any:
    server = sdk.make_server()

    @server.tool()
    async def look(word: str, times: int = 1) -> str:
        calls.append(word)
        if word == "bad":
            raise ValueError(word)
        return word * times

    @server.tool(annotations=sdk.mcp_types().ToolAnnotations.model_validate({"readOnlyHint": False}))
    async def book(word: str) -> str:
        calls.append(word)
        return word

    return server


async def _look(session: Any, word: str, **more: Any) -> str:
    return str((await session.call_tool("look", {"word": word, **more})).content[0].text)


async def test_equal_calls_are_answered_from_memory_for_a_while(clock: Clock) -> None:
    calls: list[str] = []
    async with sdk.in_memory(_server(calls)) as session:
        with applied(CacheResult(tool="look", ttl_s=60.0)) as said:
            assert [await _look(session, "a") for _ in range(3)] == ["a", "a", "a"]
            assert await _look(session, "a", times=2) == "aa"
            assert await _look(session, "b") == "b"
            assert calls == ["a", "a", "b"]
            clock.now_s += 61
            await _look(session, "a")
            assert calls == ["a", "a", "b", "a"]
        assert said == [("applied", "answers of look are kept for 60 s")]
        await _look(session, "a")
        assert calls == ["a", "a", "b", "a", "a"]


async def test_an_answer_is_the_same_as_without(clock: Clock) -> None:
    async with sdk.in_memory(_server([])) as session:
        bare = (await session.call_tool("look", {"word": "a"})).model_dump()
        with applied(CacheResult(tool="look", ttl_s=60.0)):
            answers = [(await session.call_tool("look", {"word": "a"})).model_dump() for _ in range(2)]
    assert answers == [bare, bare]


async def test_errors_are_not_kept(clock: Clock) -> None:
    calls: list[str] = []
    async with sdk.in_memory(_server(calls)) as session:
        with applied(CacheResult(tool="look", ttl_s=60.0)):
            await _look(session, "bad")
            await _look(session, "bad")
    assert calls == ["bad", "bad"]


async def test_no_more_is_kept_than_there_is_room_for(clock: Clock) -> None:
    calls: list[str] = []
    action = CacheResult(tool="look", ttl_s=60.0, size_mb=0.1)
    async with sdk.in_memory(_server(calls)) as session:
        with applied(action):
            for word in ("a", "b", "a", "c", "a", "b"):  # two fit; whoever was not asked for goes
                await _look(session, word, times=40_000)
                assert 0 < action.size_bytes <= 100_000
            assert calls == ["a", "b", "c", "b"]
            await _look(session, "d", times=200_000)
            assert action.size_bytes <= 100_000
        assert action.size_bytes == 0


async def test_a_tool_that_changes_something_is_called_each_time() -> None:
    calls: list[str] = []
    async with sdk.in_memory(_server(calls)) as session:
        with applied(CacheResult(tool="book", ttl_s=60.0)) as said:
            for _ in range(2):
                await session.call_tool("book", {"word": "a"})
    assert calls == ["a", "a"]
    assert said == [("refused", "book says that it changes something (readOnlyHint)")]


async def test_a_tool_that_takes_the_context_is_called_each_time() -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        with applied(CacheResult(tool="roots", ttl_s=60.0)) as said:
            await session.call_tool("roots", {})
    assert said == [("refused", "roots takes the server's context, so its answers may be one caller's only")]


async def test_calls_at_once_do_not_disturb_each_other(clock: Clock) -> None:
    calls: list[str] = []
    answers: list[str] = []
    async with sdk.in_memory(_server(calls)) as session:
        with applied(CacheResult(tool="look", ttl_s=60.0)):

            async def ask(word: str) -> None:
                answers.append(await _look(session, word))

            async with anyio.create_task_group() as tasks:
                for word in "abab":
                    tasks.start_soon(ask, word)
    assert sorted(answers) == ["a", "a", "b", "b"]
