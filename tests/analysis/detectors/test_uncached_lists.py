"""Lists that are fetched anew although they cannot have changed; and all the good reasons to fetch one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.uncached_lists import ASSUMED_S, detect
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.settings import McpSettings
from groundhog_otel.store.model import Process, Span
from tests.analysis.detectors.detailed import Maker, recorded, span
from tests.support import sdk
from tests.support.captured import recorded as captured

TOOLS = "tools/list"


def test_without_a_time_to_live_nobody_can_keep_it() -> None:
    (found,) = detect(recorded(*Maker().many(12, TOOLS, ms=10, wire_ms=4)))
    assert (found.detector, found.service, found.target) == ("uncached_lists", "srv", TOOLS)
    assert found.affected == 10, "neither the first, nor the one that the SDK fetches by itself"
    assert found.impact_ms == pytest.approx(14), "the client's time: that is what it saves"
    assert (found.action, found.parameters) == ("cache_hints", {"method": TOOLS})
    assert found.figures["callers"] == 1
    assert "10 times too often by 1 caller, of 12 times in all, and it has no time to live" in found.says
    assert "with no time to live" in found.evidence[1].says
    assert all(one.trace_id and one.span_id for one in found.evidence)


def test_one_that_stays_good_for_no_time_is_no_better() -> None:
    (found,) = detect(recorded(*Maker().many(12, "prompts/list", ttl_s=0.0)))
    assert (found.affected, found.action) == (11, "cache_hints")


def test_a_time_to_live_that_is_not_heeded_is_the_clients_business() -> None:
    (found,) = detect(recorded(*Maker().many(21, TOOLS, every_ms=1000, ttl_s=5.0)))
    # Of every six a second apart the first is needed.
    assert (found.affected, found.action, found.parameters) == (21 - 4 - 1, None, {})
    assert "although it was said to stay good for longer" in found.says
    assert "Have clients keep the list" in found.advice
    assert "which stays good for 5 s" in found.evidence[1].says


def _once_each() -> list[Span]:
    make = Maker()
    return [one for index in range(20) for _ in (1, 2) for one in make(TOOLS, at_ms=index * 100, session=f"{index}")]


def _of_other_servers() -> list[Span]:
    return [
        one
        for index in range(20)
        for one in Maker(server=Process("srv", index), first=index * 9 + 1).many(2, TOOLS, at_ms=index * 1000)
    ]


def _pages() -> list[Span]:
    make = Maker()
    return [one for index in range(20) for one in make(TOOLS, at_ms=index * 100, digest=f"{index:016x}")]


def _changed() -> list[Span]:
    make, spans = Maker(), []
    for index in range(20):
        name = "notifications/tools/list_changed"
        spans += [*make(TOOLS, at_ms=index * 100), span(name, trace=900 + index, at_ms=index * 100 + 50)]
    return spans


def _grown() -> list[Span]:
    make = Maker()
    return [one for index in range(20) for one in make(TOOLS, at_ms=index * 100, response=100 + index)]


@pytest.mark.parametrize(
    "spans",
    [
        _once_each(),
        _of_other_servers(),
        _pages(),
        _changed(),
        _grown(),
        Maker().many(20, TOOLS, every_ms=ASSUMED_S * 1000 + 100),
        Maker().many(20, TOOLS, every_ms=5100, ttl_s=5.0),
        Maker().many(20, TOOLS, every_ms=0),
        Maker().many(20, TOOLS, digest=None),
        Maker().many(20, TOOLS, error="-32603"),
        Maker().many(6, TOOLS),
        Maker().many(20, "tools/call list"),
        [],
    ],
)
def test_a_list_that_is_needed_is_not_found(spans: list[Span]) -> None:
    assert detect(recorded(*spans)) == []


def test_the_change_of_another_list_is_none_of_this_one() -> None:
    changes = [span("notifications/prompts/list_changed", trace=900 + index, at_ms=index * 100) for index in range(20)]
    (found,) = detect(recorded(*Maker().many(12, TOOLS, at_ms=50), *changes))
    assert found.affected == 10


def _listed(server: Any, *, modern: bool, times: int, folder: Path) -> list[Finding]:
    async def program(_tracer: Tracer) -> None:
        if modern:
            from mcp import Client

            async with Client(server, mode="auto") as client:
                for _ in range(times):
                    await client.list_tools()
        else:
            async with sdk.in_memory(server) as session:
                await session.call_tool("add", {"a": 1, "b": 2})
                for _ in range(times):
                    await session.list_tools()

    return detect(captured(folder, program, settings=McpSettings(detail=True)))


def test_with_a_real_server_of_the_older_protocols(tmp_path: Path) -> None:
    (found,) = _listed(sdk.make_server(), modern=False, times=9, folder=tmp_path)
    assert (found.target, found.affected) == (TOOLS, 8), "the SDK has fetched it once for itself"


def test_with_a_real_client_that_lists_once(tmp_path: Path) -> None:
    assert _listed(sdk.make_server(), modern=False, times=1, folder=tmp_path) == []


@pytest.mark.skipif(not sdk.IS_V2, reason="mcp 1.x does not speak 2026-07-28")
@pytest.mark.parametrize(("ttl_ms", "expected"), [(0, 1), (60_000, 0)])
def test_with_a_real_client_that_heeds_times_to_live(ttl_ms: int, expected: int, tmp_path: Path) -> None:
    from mcp.server.caching import CacheHint

    server = sdk.make_server(cache_hints={TOOLS: CacheHint(ttl_ms=ttl_ms)})
    found = _listed(server, modern=True, times=12, folder=tmp_path)
    assert len(found) == expected
    for one in found:
        assert (one.target, one.action) == (TOOLS, "cache_hints")
        assert one.figures["fetches"] >= 12
