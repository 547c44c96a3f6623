"""Whoever profiles may await a server's handler in its own way."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.mcp.operation import Operation
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio

SEEN: list[tuple[str, str | None]] = []


async def _wrapped(operation: Operation, answer: Awaitable[Any]) -> Any:
    result = await answer
    SEEN.append((operation.method, operation.target))
    return result


@pytest.fixture
def _around() -> Iterator[None]:
    SEEN.clear()
    AROUND.append(_wrapped)
    yield
    AROUND.remove(_wrapped)


@pytest.mark.usefixtures("_around", "capture")
async def test_each_handler_is_awaited_through_it_and_answers_as_before(capture: Capture) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        result = await session.call_tool("add", {"a": 1, "b": 2})
        failed = await session.call_tool("boom", {})
    assert result.content[0].text == "3"
    assert getattr(failed, "is_error", getattr(failed, "isError", None))
    assert ("tools/call", "add") in SEEN
    assert len([one for one in SEEN if one[0] == "tools/call"]) == 2
    assert SEEN[0] == ("initialize", None)
