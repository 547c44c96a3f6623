from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.cold_start import detect
from groundhog_otel.store.model import Process, Recording, Span
from tests.support.captured import Program, recorded
from tests.support.recorded import SERVER, recording, span
from tests.support.sdk import in_memory, make_server


def _calls(*durations_ms: float, process: Process = SERVER, starts_ms: Sequence[float] = ()) -> list[Span]:
    """Return calls of a server, a second apart unless their starts are given."""
    return [
        span(
            kind="server", process=process, own=number + 1, trace=1000 * (process.pid or 0) + number, ms=ms,
            at_ms=starts_ms[number] if starts_ms else 1000 * number,
        )
        for number, ms in enumerate(durations_ms)
    ]  # fmt: skip


def _processes(*each: Sequence[float]) -> Recording:
    return recording(
        [one for pid, durations_ms in enumerate(each) for one in _calls(*durations_ms, process=Process("srv", pid))]
    )


def test_a_slow_first_call_is_found() -> None:
    (found,) = detect(recording(_calls(300, *[10] * 9)))
    assert (found.detector, found.service, found.target) == ("cold_start", "srv", "tools/call nap")
    assert found.impact_ms == pytest.approx(290)
    assert found.affected == 1
    assert (found.confidence, found.figures["processes"]) == (0.5, 1)
    assert found.says == (
        "The first tools/call nap of a process takes 300 ms, later ones 10 ms, in the one process seen"
    )
    assert found.evidence[0].says == "the first call of process 22: 300 ms"


def test_calls_that_came_meanwhile_waited_too() -> None:
    (found,) = detect(recording(_calls(300, 280, 12, *[10] * 6, starts_ms=[0, 20, 30, *range(400, 1000, 100)])))
    assert found.affected == 2
    assert found.impact_ms == pytest.approx((290 + 270) / 2)


def test_several_processes_make_it_surer() -> None:
    cold = [300.0, *[10.0] * 6]
    (found,) = detect(_processes(cold, cold, cold))
    assert (found.affected, found.confidence) == (3, 0.75)
    (most,) = detect(_processes(cold, cold, [10.0] * 7))
    assert "in 2 of 3 processes seen" in most.says
    assert most.confidence < found.confidence


@pytest.mark.parametrize(
    "durations_ms",
    [
        pytest.param([10.0] * 10, id="even"),
        pytest.param([10, 10, 300, *[10.0] * 7], id="a later one"),
        pytest.param([45, *[10.0] * 9], id="within a command's budget"),
        pytest.param([300, *[200.0] * 9], id="slow as all are"),
        pytest.param([300, 10, 280, 10, 290, 10, 10], id="slow as many are"),
        pytest.param([300, *[10.0] * 4], id="too few later"),
    ],
)
def test_what_may_be_chance_is_not(durations_ms: list[float]) -> None:
    assert not detect(recording(_calls(*durations_ms)))


def test_one_process_of_several_is_chance() -> None:
    even = [10.0] * 7
    assert not detect(_processes([300.0, *even], even, even))


def test_what_also_happens_to_later_calls_is_chance() -> None:
    """Calls of another operation: of one process they must have lost less than half, of several less."""

    def spans(*, slowest_ms: float, processes: int = 1) -> Recording:
        cold = _processes(*[[300.0, *[10.0] * 20]] * processes).spans
        others = _processes(*[[10.0, 10.0, slowest_ms, *[10.0] * 20]] * processes).spans
        return recording([*cold, *(replace(one, name="tools/call other") for one in others)])

    assert detect(spans(slowest_ms=150))
    assert not detect(spans(slowest_ms=160))
    assert detect(spans(slowest_ms=160, processes=2))
    assert not detect(spans(slowest_ms=310, processes=2))


def test_the_clients_side_is_not_asked() -> None:
    spans = [span(own=number + 1, at_ms=1000 * number, ms=300 if number == 0 else 10) for number in range(10)]
    assert not detect(recording(spans))


def _program(*, late: bool) -> Program:
    async def program(tracer: Tracer) -> None:
        server = make_server()
        opened: list[str] = []

        async def open_all() -> None:
            await anyio.sleep(1)
            opened.append("the index")

        @server.tool()
        async def search() -> str:
            if not opened:
                await open_all()
            return opened[0]

        if not late:
            await open_all()
        async with in_memory(server) as session:
            await session.call_tool("add", {"a": 1, "b": 2})
            for _ in range(12):
                await session.call_tool("search", {})

    return program


def test_a_real_server_that_opens_what_it_needs_when_asked(tmp_path: Path) -> None:
    (found,) = detect(recorded(tmp_path, _program(late=True)))
    assert (found.target, found.affected) == ("tools/call search", 1)
    assert found.figures["first_ms"] >= 1000
    assert found.impact_ms == pytest.approx(found.figures["first_ms"] - found.figures["usual_ms"])


def test_a_real_server_that_has_opened_it_before(tmp_path: Path) -> None:
    assert not detect(recorded(tmp_path, _program(late=False)))
