from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.sequential_calls import detect
from groundhog_otel.analysis.judging import sure
from groundhog_otel.store.model import Recording
from tests.analysis.detectors.made import Call, chain, operation
from tests.support.captured import Program, recorded
from tests.support.recorded import CLIENT, recording, span
from tests.support.sdk import in_memory, make_server

WEATHER, NEWS, TRAFFIC = ("tools/call weather", 20.0), ("tools/call news", 30.0), ("tools/call traffic", 10.0)


def _seen(*traces: list[Call], ms: float = 70) -> Recording:
    return recording([one for number, calls in enumerate(traces, 1) for one in operation(number, calls, ms=ms)])


ANY_ORDER = [*[chain(WEATHER, NEWS, TRAFFIC)] * 3, chain(NEWS, TRAFFIC, WEATHER)]


def test_calls_one_after_the_other_in_any_order_are_found() -> None:
    (found,) = detect(_seen(*ANY_ORDER))
    assert (found.detector, found.service, found.target) == ("sequential_calls", "srv", "tools/call report")
    assert found.impact_ms == pytest.approx(30)
    assert found.affected == 4
    assert found.confidence == pytest.approx(0.9 * 4 / 6)
    assert found.says == (
        "tools/call report calls tools/call news, then tools/call traffic, then tools/call weather, "
        "one after the other: 60 ms, where the longest takes 30 ms"
    )


def test_in_one_order_they_may_need_each_other() -> None:
    assert not detect(_seen(*[chain(WEATHER, NEWS, TRAFFIC)] * 20))


def test_a_call_without_the_one_before_it_is_a_weaker_sign() -> None:
    (found,) = detect(_seen(*[chain(WEATHER, NEWS)] * 4, chain(NEWS)))
    assert found.confidence == pytest.approx(0.5 * 4 / 6)


def test_that_it_goes_on_after_a_failure_is_such_a_sign() -> None:
    spans = [one for number in range(3) for one in operation(number, chain(WEATHER, NEWS), ms=60, errors=[0])]
    (found,) = detect(recording(spans))
    assert found.confidence == pytest.approx(0.7 * 3 / 5)


def test_the_same_call_for_several_things() -> None:
    spans = [one for number in range(3) for one in operation(number, chain(WEATHER, TRAFFIC, TRAFFIC), ms=60)]
    assert not detect(recording(spans))  # pages, perhaps
    went_on = [
        one for number in range(3)
        for one in operation(number, chain(WEATHER, TRAFFIC, NEWS, TRAFFIC), ms=80, errors=[1])
    ]  # fmt: skip
    (found,) = detect(recording(went_on))
    assert found.figures["calls"] == 4


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([("tools/call weather", 1, 20), ("tools/call news", 2, 30)], id="together"),
        pytest.param(chain(WEATHER, NEWS, pause_ms=15), id="work between them"),
        pytest.param(chain(WEATHER), id="one call"),
        pytest.param(chain(("tools/call weather", 4.0), ("tools/call news", 4.0)), id="little to gain"),
        pytest.param(chain(("initialize", 20.0), ("tools/list", 20.0), WEATHER), id="a handshake"),
        pytest.param([*chain(WEATHER, NEWS), ("tools/call long", 0.5, 65)], id="beside what takes longer"),
    ],
)
def test_what_may_well_be_right_is_not_found(calls: list[Call]) -> None:
    """Though the operation goes on after any of them has failed."""
    failed = range(len(calls) - 1)
    assert not detect(recording([one for number in range(5) for one in operation(number, calls, ms=70, errors=failed)]))


def test_what_was_seen_twice_only_or_is_a_small_part_is_not() -> None:
    assert not detect(_seen(*ANY_ORDER[2:]))
    assert detect(_seen(*ANY_ORDER, ms=149))
    assert not detect(_seen(*ANY_ORDER, ms=151))


def test_calls_that_were_made_together_once_are_known_to_be_parallel() -> None:
    at_once = [("tools/call news", 1.0, 30.0), ("tools/call weather", 2.0, 20.0)]
    assert not detect(_seen(chain(WEATHER, NEWS), chain(WEATHER, NEWS), chain(NEWS, WEATHER), at_once))


def test_ten_of_a_kind_are_n_plus_ones() -> None:
    def found(calls: int) -> int:
        made = chain(("tools/call news", 1.0), *[("tools/call weather", 6.0)] * calls)
        return len(
            detect(recording([one for number in range(4) for one in operation(number, made, ms=70, errors=[0])]))
        )

    assert (found(9), found(10)) == (1, 0)


def test_a_second_attempt_is_no_second_call() -> None:
    spans = [one for number in range(5) for one in operation(number, chain(NEWS, NEWS), ms=70, errors=[0])]
    assert not detect(recording(spans))


def test_requests_that_carry_one_call_are_not() -> None:
    """What is below a client's span is the transport's: one POST, then another."""
    spans = [
        one
        for trace in range(5)
        for one in (
            span(trace=trace, own=1, ms=70),
            *(
                span(name, method=None, trace=trace, own=own, parent=1, at_ms=at_ms, ms=30, process=CLIENT)
                for name, own, at_ms in (("POST", 2, 1), ("GET", 3, 32))
            ),
        )
    ]
    assert not detect(recording(spans))


def _program(*, together: bool) -> Program:
    async def program(tracer: Tracer) -> None:
        async with in_memory(make_server()) as session:
            await session.list_tools()
            for _ in range(6):
                with tracer.start_as_current_span("briefing"):
                    async with anyio.create_task_group() as tasks:
                        for tool, given in (("nap", {"seconds": 0.2}), ("boom", {}), ("nap", {"seconds": 0.25})):
                            if together:
                                tasks.start_soon(session.call_tool, tool, given)
                            else:
                                await session.call_tool(tool, given)

    return program


def test_a_real_program_that_waits_for_each(tmp_path: Path) -> None:
    found = max(detect(recorded(tmp_path, _program(together=False))), key=lambda one: one.affected)
    assert found.target == "briefing"
    assert 3 <= found.affected <= 6  # on a busy machine some pauses are long
    assert found.impact_ms >= 200
    assert found.figures["longest_ms"] >= 250
    assert found.confidence == pytest.approx(0.7 * sure(found.affected, half=2))  # it went on after boom had failed


def test_a_real_program_that_waits_for_all(tmp_path: Path) -> None:
    assert not detect(recorded(tmp_path, _program(together=True)))
