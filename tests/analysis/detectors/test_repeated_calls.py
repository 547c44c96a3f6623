"""The same call again and again: found, unless it was not the same, not soon, or not the tool's own business."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.repeated_calls import WINDOW_S, detect
from groundhog_otel.load.links.spans import SCOPE
from groundhog_otel.settings import McpSettings
from groundhog_otel.store.model import Process, Span
from tests.analysis.detectors.detailed import Maker, recorded
from tests.support import sdk
from tests.support.captured import recorded as captured


def test_repeats_are_counted_from_the_second_on() -> None:
    (found,) = detect(recorded(*Maker().many(9, ms=10)))
    assert (found.detector, found.service, found.target) == ("repeated_calls", "srv", "tools/call read")
    assert found.affected == 8
    assert found.impact_ms == pytest.approx(10)
    assert found.total_ms == pytest.approx(80)
    assert (found.action, found.parameters) == ("cache_result", {"tool": "read"})
    assert found.figures == {"repeats": 8, "calls": 9, "mean_ms": pytest.approx(10), "window_s": WINDOW_S}
    assert 0 < found.confidence < 0.8
    first, *again = found.evidence
    assert first.says == "The first of 9 calls that are the same."
    assert (first.trace_id, first.span_id) == (f"{1:032x}", f"{3:016x}"), "the server's span"
    assert [one.trace_id for one in again] == [f"{2:032x}", f"{3:032x}"]
    assert "8 of 9 calls of tools/call read repeat" in found.says


def test_more_of_it_is_surer() -> None:
    few, many = (detect(recorded(*Maker().many(times)))[0].confidence for times in (6, 60))
    assert few < many


def test_one_side_is_enough() -> None:
    for side, service in (("client", "app"), ("server", "srv")):
        (found,) = detect(recorded(*Maker().many(9, side=side)))
        assert (found.service, found.affected) == (service, 8)


def _different(times: int) -> list[Span]:
    make = Maker()
    return [one for index in range(times) for one in make(at_ms=index * 100, digest=f"{index:016x}")]


def _polled() -> list[Span]:
    """Return a resource that is read once a minute and a bit: what was kept would be stale by then."""
    return Maker().many(20, every_ms=WINDOW_S * 1000 + 100)


def _changing() -> list[Span]:
    make = Maker()
    return [one for index in range(20) for one in make(at_ms=index * 100, response=100 + index)]


def _at_once() -> list[Span]:
    return Maker().many(20, every_ms=0)


def _by_others() -> list[Span]:
    make = Maker()
    return [one for index in range(20) for one in make(at_ms=index * 100, session=f"session {index}")]


def _tried_again() -> list[Span]:
    return Maker().many(20, error="tool_error")


def _of_few() -> list[Span]:
    make = Maker()
    different = [one for index in range(60) for one in make(at_ms=index * 100, digest=f"{index:016x}")]
    return [*different, *make.many(6, at_ms=10_000)]


@pytest.mark.parametrize(
    "spans",
    [
        _different(20),
        _polled(),
        _changing(),
        _at_once(),
        _by_others(),
        _tried_again(),
        _of_few(),
        Maker().many(5),
        Maker().many(20, ms=4),
        Maker().many(20, digest=None),
        Maker().many(20, "tools/list"),
        Maker().many(20, "ping"),
        [],
    ],
)
def test_what_is_no_repetition_is_not_found(spans: list[Span]) -> None:
    assert detect(recorded(*spans)) == []


def test_an_answer_is_kept_for_the_window_from_the_first_on() -> None:
    """Each call is within the window of the one before; the kept answer grows old all the same."""
    (found,) = detect(recorded(*Maker().many(21, every_ms=WINDOW_S * 1000 / 4, ms=10)))
    assert found.affected == 21 - 5, "a fresh one every 75 s"


def test_a_resource_gets_a_time_to_live() -> None:
    (found,) = detect(recorded(*Maker().many(9, "resources/read")))
    assert (found.action, found.parameters) == ("cache_hints", {"method": "resources/read"})
    (found,) = detect(recorded(*Maker().many(9, "prompts/get greet")))
    assert (found.action, found.parameters) == (None, {})


def test_a_load_test_asks_the_same_on_purpose() -> None:
    spans = Maker().many(9)
    sampled = replace(spans[0], scope=SCOPE)
    assert detect(recorded(sampled, *spans[1:])) == []
    other = Maker(server=Process("other", 33), first=100)
    (found,) = detect(recorded(sampled, *spans[1:], *other.many(9)))
    assert found.service == "other"


def _server() -> Any:
    server = sdk.make_server()

    async def look_up(key: str) -> str:
        await anyio.sleep(0.01)
        return f"the value of {key}"

    server.tool()(look_up)
    return server


@pytest.mark.parametrize(("keys", "expected"), [("aabababab", 1), ("abcdefghi", 0)])
def test_with_a_real_server(keys: str, expected: int, tmp_path: Path) -> None:
    async def program(_tracer: Tracer) -> None:
        async with sdk.in_memory(_server()) as session:
            for key in keys:
                await session.call_tool("look_up", {"key": key})

    recording = captured(tmp_path, program, settings=McpSettings(detail=True))
    found = detect(recording)
    assert len(found) == expected
    for one in found:
        assert (one.target, one.affected, one.figures["calls"]) == ("tools/call look_up", 7, 9)
        assert one.impact_ms >= 10
        shown = {(span.trace_id, span.span_id) for span in recording.spans}
        assert {(evidence.trace_id, evidence.span_id) for evidence in one.evidence} <= shown
