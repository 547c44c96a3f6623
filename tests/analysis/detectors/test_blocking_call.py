from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from groundhog_otel.analysis.detectors.blocking_call import detect
from groundhog_otel.store.model import Buckets, Histogram, Process, Span
from tests.analysis.detectors.waiting import PLACE, blocking, held_up, served
from tests.support.recorded import MS, SERVER, START, recording, span


def _renders(
    times: int, *, block_ms: float = 200, every_ms: float = 1000, name: str = "tools/call render"
) -> list[Span]:
    return [
        blocking(served(name, own=100 + number, at_ms=number * every_ms, ms=block_ms + 5), block_ms=block_ms)
        for number in range(times)
    ]


def _naps(times: int) -> Iterator[Span]:
    """Yield calls of 20 ms, one a second, that nobody holds up."""
    for number in range(times):
        yield served(own=200 + number, at_ms=number * 1000 + 500, ms=20)


def _victims(times: int) -> Iterator[Span]:
    """Yield calls that the renders hold up: they take 20 ms, and all of the block."""
    for number in range(times):
        late = served(own=300 + number, at_ms=number * 1000 + 1, ms=220)
        yield held_up(late, at_ms=number * 1000 + 205, block_ms=200)


def test_who_blocks_is_named_with_line_and_what_others_have_lost() -> None:
    (found,) = detect(recording([*_renders(5), *_naps(5), *_victims(5)]))
    assert (found.detector, found.target, found.affected) == ("blocking_call", "tools/call render", 5)
    assert found.impact_ms == pytest.approx(200)
    assert found.total_ms == pytest.approx(1000)
    assert "/srv/app.py:7" in found.says
    assert "app.draw" in found.advice
    assert (found.action, found.parameters) == ("offload", {"tool": "render"})
    assert [one.span_id for one in found.evidence[:3]] == [f"{own:016x}" for own in (100, 101, 102)]
    assert found.evidence[-1].says.startswith("tools/call nap lost 200 ms")


def test_a_victim_has_lost_no_more_than_it_took_longer_than_usual() -> None:
    napping = held_up(served(own=400, at_ms=1, ms=60), at_ms=205, block_ms=200)  # waited for something else meanwhile
    (found,) = detect(recording([*_renders(5), *_naps(5), napping]))
    assert found.impact_ms == pytest.approx(40)


def test_a_message_that_arrived_meanwhile_has_lost_what_it_waited_to_be_taken_up() -> None:
    late = [served(own=400 + n, at_ms=n * 1000 + 206, ms=20, groundhog__event_loop__lag=0.15) for n in range(5)]
    (found,) = detect(recording([*_renders(5), *_naps(5), *late]))
    assert found.affected == 5
    assert found.impact_ms == pytest.approx(150)


def test_who_sent_it_knows_whether_a_message_arrived_during_the_block() -> None:
    def pair(number: int, sent_ms: float) -> Iterator[Span]:
        yield span(own=500 + number, trace=500 + number, at_ms=sent_ms, ms=100)
        yield served(
            own=600 + number, trace=500 + number, parent=500 + number, at_ms=230, ms=20, groundhog__event_loop__lag=0.2
        )

    before, after = list(pair(0, 105)), list(pair(1, 215))
    (found,) = detect(recording([*_renders(5), *_naps(5), *before, *after]))
    assert found.affected == 1
    assert found.impact_ms == pytest.approx(100)


def test_a_block_that_cost_nobody_anything_is_no_finding() -> None:
    assert detect(recording([*_renders(50), *_naps(5)])) == []


def test_a_loss_that_nobody_feels_is_no_finding() -> None:
    little = [
        held_up(served(own=300 + n, at_ms=n * 1000 + 1, ms=23), at_ms=n * 1000 + 205, block_ms=200) for n in range(5)
    ]
    assert detect(recording([*_renders(5), *_naps(5), *little])) == []


def test_a_machine_that_is_late_now_and_then_is_no_finding() -> None:
    seldom = [*_renders(2), *_naps(5), *_victims(2)]
    assert detect(recording(seldom)) == []
    innocent = [served("tools/call render", own=1000 + n, at_ms=n * 10, ms=5) for n in range(200)]
    assert detect(recording([*_renders(5), *_victims(5), *_naps(5), *innocent])) == []
    anywhere = [
        blocking(replace(one, events=()), block_ms=200, place={**PLACE, "code.function.name": f"f{number}"})
        for number, one in enumerate(_renders(5))
    ]
    assert detect(recording([*anywhere, *_victims(5), *_naps(5)])) == []


def test_where_no_code_of_the_tool_was_seen_the_machine_was_late() -> None:
    sdk = {**PLACE, "code.function.name": "anyio._backends._asyncio.run"}
    spans = [blocking(replace(one, events=()), block_ms=200, place=sdk) for one in _renders(5)]
    assert detect(recording([*spans, *_victims(5), *_naps(5)])) == []


def test_one_block_is_enough_when_it_is_longer_than_any_machine_is_late() -> None:
    once = blocking(served("tools/call render", own=1, at_ms=0, ms=2005), block_ms=2000)
    victim = held_up(served(own=2, at_ms=1, ms=2004), at_ms=2005, block_ms=2000)
    (found,) = detect(recording([once, victim, *_naps(3)]))
    assert found.impact_ms == pytest.approx(1984)


def test_each_blocker_has_its_own_victims() -> None:
    other = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "draw"}
    draws = [replace(one, process=Process("other", 1)) for one in _renders(5, name="tools/call draw")]
    seen = [
        replace(
            held_up(served(own=700 + n, at_ms=n * 1000 + 1, ms=150), at_ms=n * 1000 + 205, block_ms=100, whose=other),
            process=Process("other", 1),
        )
        for n in range(2)
    ]
    found = {one.service: one for one in detect(recording([*_renders(5), *_naps(5), *_victims(5), *draws, *seen]))}
    assert {name: one.target for name, one in found.items()} == {
        "srv": "tools/call render",
        "other": "tools/call draw",
    }
    assert found["srv"].affected == 5
    assert found["other"].affected == 2


def test_a_pause_of_the_garbage_collector_is_nobodys_block() -> None:
    def collected(pause_s: float) -> Histogram:
        points = tuple(
            Buckets(START + number * 1000 * MS - MS, number, number * pause_s, (0, number)) for number in range(7)
        )
        return Histogram("groundhog.gc.pause", "s", SERVER, {"cpython.gc.generation": 2}, (0.01,), points)

    spans = [*_renders(5), *_naps(5), *_victims(5)]
    assert detect(recording(spans, histograms=(collected(0.18),))) == []
    assert detect(recording(spans, histograms=(collected(0.03),))) != []


def test_what_is_no_tool_cannot_be_offloaded_by_name() -> None:
    reads = [
        replace(one, attributes={"mcp.method.name": "resources/read"}) for one in _renders(5, name="resources/read")
    ]
    victims = [
        held_up(served(own=300 + n, at_ms=n * 1000 + 1, ms=220), at_ms=n * 1000 + 205, block_ms=200,
                whose={"mcp.method.name": "resources/read"})
        for n in range(5)
    ]  # fmt: skip
    (found,) = detect(recording([*reads, *victims, *_naps(5)]))
    assert found.action is None
    assert found.parameters == {}
