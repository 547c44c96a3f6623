from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from groundhog_otel.optimizer.actions import Refused
from groundhog_otel.optimizer.actions.cache_hints import CacheHints
from tests.optimizer.actions.told import applied
from tests.support import sdk

pytestmark = pytest.mark.anyio


@pytest.mark.skipif(sdk.IS_V2, reason="mcp 2 has them")
async def test_mcp_1_has_no_such_thing() -> None:
    with pytest.raises(Refused, match="speaks no protocol in which lists say how long they hold"):
        CacheHints(ttl_s=60.0).apply()


@pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1 has no hints")
async def test_lists_say_how_long_they_hold_until_it_is_taken_back() -> None:
    server = sdk.make_server()
    inner = sdk.lowlevel(server)
    before = inner.cache_hints
    client: Any = import_module("mcp.client").Client
    with applied(CacheHints(ttl_s=60.0)) as said:
        async with client(server, cache=None) as session:
            assert (await session.list_tools()).ttl_ms == 60_000
            assert (await session.list_prompts()).ttl_ms == 60_000
        every = "tools/list, prompts/list, resources/list, resources/templates/list"
        assert said == [("applied", f"answers hold for 60 s: {every}")]
        assert inner.cache_hints is not before
    assert inner.cache_hints is before
    async with client(server, cache=None) as session:
        assert (await session.list_tools()).ttl_ms != 60_000


@pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1 has no hints")
async def test_what_the_server_says_itself_counts_more() -> None:
    hint: Any = import_module("mcp.server.caching").CacheHint
    server = sdk.make_server(cache_hints={"tools/list": hint(ttl_ms=5)})
    with applied(CacheHints(ttl_s=60.0)) as said:
        async with import_module("mcp.client").Client(server, cache=None) as session:
            assert (await session.list_tools()).ttl_ms == 5
            assert (await session.list_prompts()).ttl_ms == 60_000
    assert said == [("applied", "answers hold for 60 s: prompts/list, resources/list, resources/templates/list")]


@pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1 has no hints")
@pytest.mark.parametrize(
    ("method", "hints", "status", "why"),
    [
        ("resources/list", False, "applied", "answers hold for 60 s: resources/list"),
        ("tools/list", True, "refused", "the server says itself how long answers to tools/list hold"),
        ("tools/call", False, "refused", "answers to tools/call cannot hold: prompts/list, "),
    ],
)
async def test_one_method(method: str, hints: bool, status: str, why: str) -> None:
    hint: Any = import_module("mcp.server.caching").CacheHint
    server = sdk.make_server(cache_hints={"tools/list": hint(ttl_ms=5)} if hints else None)
    with applied(CacheHints(ttl_s=60.0, method=method)) as said:
        async with import_module("mcp.client").Client(server, cache=None) as session:
            assert (await session.list_tools()).ttl_ms != 60_000
            assert ((await session.list_resources()).ttl_ms == 60_000) == (method == "resources/list")
    assert said[0][0] == status
    assert said[0][1].startswith(why)
