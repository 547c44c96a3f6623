from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.n_plus_one import detect, generalized
from groundhog_otel.store.model import Recording
from tests.analysis.detectors.made import chain, operation
from tests.support.captured import Program, recorded
from tests.support.recorded import recording
from tests.support.sdk import in_memory, make_server


def _loop(*durations_ms: float, name: str = "tools/call item", trace: int = 1) -> Recording:
    calls = chain(*((name, ms) for ms in durations_ms))
    return recording(operation(trace, calls, ms=sum(durations_ms) + 20))


def test_a_call_for_each_of_many_items_is_found() -> None:
    (found,) = detect(_loop(*[4.0] * 12))
    assert (found.detector, found.service, found.target) == ("n_plus_one", "srv", "tools/call report")
    assert found.impact_ms == pytest.approx(44)
    assert (found.affected, found.action) == (1, None)
    assert found.figures == {"calls": 12, "typical_ms": pytest.approx(4)}
    assert found.says == "tools/call report calls tools/call item 12 times, 4 ms each, and waits for each"
    assert (found.evidence[0].trace_id, found.evidence[0].span_id) == (f"{1:032x}", f"{1:016x}")


def test_of_several_operations_the_mean_is_told_and_the_worst_is_shown_first() -> None:
    spans = [*_loop(*[4.0] * 11).spans, *_loop(*[6.0] * 11, trace=2).spans]
    (found,) = detect(recording(spans))
    assert found.impact_ms == pytest.approx(50)
    assert found.affected == 2
    assert [one.trace_id for one in found.evidence] == [f"{2:032x}", f"{1:032x}"]
    assert found.confidence > detect(_loop(*[4.0] * 12))[0].confidence


def test_names_that_differ_in_numbers_are_one_kind() -> None:
    calls = chain(*((f"GET /item/{number}", 4.0) for number in range(12)))
    (found,) = detect(recording(operation(1, calls, ms=80)))
    assert "GET /item/# 12 times" in found.says
    assert generalized("a1b22") == "a#b#"


@pytest.mark.parametrize(
    "durations_ms",
    [
        pytest.param([4.0] * 9, id="few"),
        pytest.param([0.2] * 20, id="quick"),
        pytest.param([4.0] * 9 + [40.0] * 3, id="few alike"),
    ],
)
def test_what_may_well_be_right_is_not(durations_ms: list[float]) -> None:
    assert not detect(_loop(*durations_ms))


def test_calls_beside_each_other_are_not() -> None:
    assert not detect(recording(operation(1, [("tools/call item", 1, 50)] * 20, ms=60)))


def test_calls_of_which_a_few_had_to_wait_are_not() -> None:
    """They were started together, one every eight milliseconds: three are on the path."""
    assert not detect(recording(operation(1, [("tools/call item", 8 * number, 50) for number in range(14)], ms=170)))


def test_calls_that_nothing_waited_for_are_not() -> None:
    calls = [*chain(*[("tools/call item", 4.0)] * 12), ("tools/call long", 0.5, 90)]
    assert not detect(recording(operation(1, calls, ms=95)))


def test_calls_of_different_kinds_or_parents_are_not() -> None:
    names = "abcdefghijkl"
    assert not detect(recording(operation(1, chain(*((f"tools/call {name}", 4.0) for name in names)), ms=80)))
    assert not detect(
        recording(
            [one for trace in range(20) for one in operation(trace, [("tools/call item", 1, 8)], ms=10)],
        )
    )


def _program(*, together: bool) -> Program:
    async def program(tracer: Tracer) -> None:
        async with in_memory(make_server()) as session:
            for _ in range(2):
                with tracer.start_as_current_span("report"):
                    async with anyio.create_task_group() as tasks:
                        for _ in range(14):
                            if together:
                                tasks.start_soon(session.call_tool, "nap", {"seconds": 0.02})
                            else:
                                await session.call_tool("nap", {"seconds": 0.02})

    return program


def test_a_real_program_that_asks_for_each_item(tmp_path: Path) -> None:
    (found,) = detect(recorded(tmp_path, _program(together=False)))
    assert (found.target, found.affected) == ("report", 2)
    assert found.figures["calls"] == 14
    assert found.impact_ms >= 9 * 20  # on a busy machine some of them take twice as long as most


def test_a_real_program_that_asks_for_all_at_once(tmp_path: Path) -> None:
    assert not detect(recorded(tmp_path, _program(together=True)))


def test_calls_of_the_same_name_that_are_of_another_kind_are_not_counted() -> None:
    (found,) = detect(_loop(*[4.0] * 10, 200.0, 90.0))
    assert "tools/call item 10 times, 4 ms each" in found.says
    assert found.figures["calls"] == 10
