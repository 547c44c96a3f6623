"""Payloads that are large, and what they cost: measured where both sides were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import Tracer

from groundhog_otel import semconv
from groundhog_otel.analysis.detectors.large_payloads import LARGE_BYTES, detect
from groundhog_otel.settings import McpSettings
from groundhog_otel.store.model import Span
from tests.analysis.detectors.detailed import Maker, recorded
from tests.support import sdk
from tests.support.captured import recorded as captured

PIPE: dict[str, Any] = {semconv.NETWORK_TRANSPORT: "pipe"}


def test_what_an_answer_costs_is_what_small_ones_do_not() -> None:
    make = Maker()
    small = make.many(5, "tools/call small", ms=10, wire_ms=2)
    small += make.many(9, "initialize", ms=1, wire_ms=5000)  # the other process had to start
    large = make.many(4, ms=10, wire_ms=42, request=0, response=2_000_000, at_ms=1000)
    (found,) = detect(recorded(*small, *large))
    assert (found.detector, found.service, found.target) == ("large_payloads", "srv", "tools/call read")
    assert found.affected == 4
    assert found.impact_ms == pytest.approx(40)
    assert found.figures["median_size_bytes"] == found.figures["largest_size_bytes"] == 2_000_000
    assert found.figures["share"] == pytest.approx(40 / 52)
    assert "4 of 4 answers of tools/call read have 40 kB or more, 2000 kB in the median" in found.says
    assert found.action is None
    assert found.evidence[0].says == "2000 kB, in 52.0 ms."
    assert all(one.trace_id and one.span_id for one in found.evidence)


def test_a_server_alone_goes_by_what_was_measured_elsewhere() -> None:
    (found,) = detect(recorded(*Maker().many(4, side="server", response=1_000_000, **PIPE)))
    assert found.impact_ms == pytest.approx(16)
    (in_memory,) = detect(recorded(*Maker().many(4, side="server", response=1_000_000)))
    assert in_memory.impact_ms == 0, "without a wire nothing is written"
    measured = detect(recorded(*Maker().many(4, response=1_000_000, **PIPE)))[0]
    assert found.confidence < measured.confidence


def test_requests_and_answers_are_two_things() -> None:
    make = Maker()
    spans = make.many(5, request=LARGE_BYTES, response=10 * LARGE_BYTES)
    found = detect(recorded(*spans))
    assert [one.figures["median_size_bytes"] for one in found] == [10 * LARGE_BYTES, LARGE_BYTES]
    assert "Return a page" in found[0].advice
    assert "Pass a link" in found[1].advice


def test_only_the_large_ones_are_affected() -> None:
    make = Maker()
    (found,) = detect(recorded(*make.many(30), *make.many(3, response=LARGE_BYTES)))
    assert (found.affected, found.figures["calls"]) == (3, 33)


def test_one_list_is_enough_and_its_pages_are_one() -> None:
    make = Maker()
    pages = [one for index in range(3) for one in make("tools/list", at_ms=index, digest=f"{index}", response=15_000)]
    (found,) = detect(recorded(*pages, *make.many(3, "tools/list", at_ms=100, digest="0", response=15_000)))
    assert (found.target, found.affected, found.figures["median_size_bytes"]) == ("tools/list", 1, 45_000)
    assert "Shorten descriptions and schemas" in found.advice
    assert detect(recorded(*make.many(30, "tools/list", response=15_000))) == []


@pytest.mark.parametrize(
    "spans",
    [
        Maker().many(50, request=LARGE_BYTES - 1, response=LARGE_BYTES - 1),
        Maker().many(2, response=10_000_000),
        Maker().many(5, response=10_000_000, error="tool_error"),
        Maker().many(5, request=None, response=None),
        [],
    ],
)
def test_what_is_small_or_rare_is_not_found(spans: list[Span]) -> None:
    assert detect(recorded(*spans)) == []


def _server(tools: int) -> Any:
    server = sdk.make_server()

    @server.tool()
    def export(rows: int) -> str:
        return "row\n" * rows

    for number in range(tools):

        def tool(text: str) -> str:
            return text

        server.add_tool(tool, name=f"tool_{number}", description="It does what is described here at length. " * 20)
    return server


def _found(folder: Path, *, tools: int, rows: int) -> list[tuple[str, float]]:
    async def program(_tracer: Tracer) -> None:
        async with sdk.in_memory(_server(tools)) as session:
            await session.list_tools()
            for _ in range(4):
                await session.call_tool("export", {"rows": rows})

    found = detect(captured(folder, program, settings=McpSettings(detail=True)))
    return [(one.target, one.figures["median_size_bytes"]) for one in found]


def test_with_a_real_server(tmp_path: Path) -> None:
    found = dict(_found(tmp_path, tools=60, rows=50_000))
    assert set(found) == {"tools/call export", "tools/list"}
    assert found["tools/call export"] > 50_000 * len("row\n")
    assert found["tools/list"] > 60 * 20 * len("It does what is described here at length. ")


def test_with_a_real_server_that_is_brief(tmp_path: Path) -> None:
    assert _found(tmp_path, tools=5, rows=20) == []
