"""Computing for as long as a call lasts: told from waiting, also when many do both at once."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.cpu_bound import detect
from groundhog_otel.settings import McpSettings
from groundhog_otel.store.model import Process, Span
from tests.analysis.detectors.detailed import Maker, recorded
from tests.support import sdk
from tests.support.captured import recorded as captured

RENDER = "tools/call render"


def test_who_computes_all_the_time_is_found_with_whom_it_holds_up() -> None:
    make = Maker()
    spans = make.many(20, RENDER, ms=40, cpu_s=0.038)
    for index in range(6):  # each begins when half of a call is done
        spans += make("tools/call quick", at_ms=index * 100 + 20, ms=30, cpu_s=0.001)
    (found,) = detect(recorded(*spans))
    assert (found.detector, found.service, found.target) == ("cpu_bound", "srv", RENDER)
    assert found.affected == 6
    assert found.impact_ms == pytest.approx(19.4, abs=0.3)
    assert found.figures["cpu_ratio"] == pytest.approx(0.95)
    assert (found.action, found.parameters) == ("offload", {"tool": "render"})
    assert "20 calls of tools/call render compute for 95% of the time, 38.0 ms each" in found.says
    assert found.evidence[0].says == "38.0 ms of CPU time in 40.0 ms."
    # As of blocking_call, which sees the same: in SQLite, a thread is all it takes.
    assert "in a worker thread" in found.advice
    assert all(one.trace_id and one.span_id for one in found.evidence)


def test_a_client_tells_who_waited_for_a_loop_that_was_busy() -> None:
    """A loop that computes does not even begin the next call: only its client knows since when it waits."""
    make = Maker()
    spans = make.many(20, RENDER, ms=40, wire_ms=0, cpu_s=0.04)
    late = make("tools/call quick", at_ms=50, ms=1, wire_ms=0, cpu_s=0.001)
    waiting = [one for index in range(5) for one in _waits_through(make, index)]
    assert detect(recorded(*spans, *late))[0].figures["held_up"] == 0
    (found,) = detect(recorded(*spans, *waiting))
    assert found.affected == 5
    assert found.impact_ms == pytest.approx(38, abs=0.5)


def _waits_through(make: Maker, index: int) -> tuple[Span, ...]:
    sent, received = make("tools/call quick", at_ms=index * 100 + 2, ms=39, wire_ms=0)
    begun_ns = received.end_ns - 1_000_000
    return sent, replace(received, start_ns=begun_ns)


def test_where_nobody_was_held_up_one_more_would_be() -> None:
    spans = Maker().many(20, RENDER, ms=40, every_ms=50, cpu_s=0.04)
    (found,) = detect(recorded(*spans))
    assert (found.affected, found.figures["held_up"]) == (1, 0)
    assert found.impact_ms == pytest.approx(16, abs=0.2), "it meets four fifths of the time, and half of that"
    assert "nobody else has waited meanwhile" in found.says


def _four_at_once(make: Maker) -> list[Span]:
    return [one for index in range(20) for _ in range(4) for one in make(RENDER, at_ms=index * 500, ms=160, cpu_s=0.04)]


def test_threads_that_compute_at_once_each_seem_to_wait() -> None:
    make = Maker()
    spans = [
        one for index in range(20) for _ in range(4) for one in make(RENDER, at_ms=index * 500, ms=160, cpu_s=0.04)
    ]
    (found,) = detect(recorded(*spans))
    assert found.figures["cpu_ratio"] == pytest.approx(1.0)
    alone = detect(recorded(*Maker().many(80, RENDER, ms=40, cpu_s=0.04)))[0]
    assert found.confidence < alone.confidence, "it may as well be a tool that waits, in a process that is busy"
    assert found.affected == 80


def test_calls_that_had_the_interpreter_to_themselves_decide() -> None:
    """Under load everything looks alike; ten calls by themselves show that most of it is waiting."""
    make = Maker()
    busy = _four_at_once(make)
    alone = make.many(10, RENDER, ms=120, at_ms=50_000, every_ms=500, cpu_s=0.04)
    assert detect(recorded(*busy, *alone)) == []


def test_who_was_given_no_cpu_has_not_waited_for_anything_else() -> None:
    """On a busy host, or below a quota, computing takes long."""
    busy = Maker().many(20, RENDER, ms=120, every_ms=200, cpu_s=0.038, delay_s=0.08)
    (found,) = detect(recorded(*busy))
    assert found.figures["cpu_ratio"] == pytest.approx(0.95)
    assert found.evidence[0].says == "38.0 ms of CPU time in 120.0 ms, for 80.0 ms of which there was no CPU."
    assert detect(recorded(*Maker().many(20, RENDER, ms=120, every_ms=200, cpu_s=0.038))) == []


def test_servers_that_are_started_anew_are_one_service() -> None:
    spans = [
        one
        for number in range(5)
        for one in Maker(server=Process("srv", 100 + number), first=100 * number + 1).many(
            4, RENDER, at_ms=1000 * number, ms=40, cpu_s=0.04
        )
    ]
    (found,) = detect(recorded(*spans))
    assert found.figures["calls"] == 20


def test_other_processes_do_not_count() -> None:
    make = Maker()
    spans = make.many(20, RENDER, ms=40, cpu_s=0.038)
    spans += Maker(server=Process("srv", 99), first=500).many(20, "tools/call quick", ms=39, at_ms=1)
    (found,) = detect(recorded(*spans))
    assert found.figures["held_up"] == 0


@pytest.mark.parametrize(
    "spans",
    [
        Maker().many(50, RENDER, ms=40, cpu_s=0.03),
        Maker().many(9, RENDER, ms=40, cpu_s=0.04),
        Maker().many(50, RENDER, ms=4, cpu_s=0.004),
        Maker().many(50, RENDER, ms=40),
        Maker().many(50, RENDER, ms=40, side="client", cpu_s=0.04),
        [],
    ],
)
def test_who_waits_or_is_quick_or_rare_is_not_found(spans: list[Span]) -> None:
    assert detect(recorded(*spans)) == []


def _burn(seconds: float = 0.02) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def _server() -> Any:
    server = sdk.make_server()

    def in_thread() -> str:
        _burn()
        return "done"

    async def in_loop() -> str:
        _burn()
        return "done"

    async def waits() -> str:
        _burn(0.01)
        await anyio.sleep(0.03)
        return "done"

    for tool in (in_thread, in_loop, waits):
        server.tool()(tool)
    return server


@pytest.mark.parametrize(("tool", "expected"), [("in_thread", 1), ("in_loop", 1), ("waits", 0)])
def test_with_a_real_server(tool: str, expected: int, tmp_path: Path) -> None:
    async def program(_tracer: Tracer) -> None:
        async with sdk.in_memory(_server()) as session:
            for _ in range(15):
                await session.call_tool(tool, {})

    found = detect(captured(tmp_path, program, settings=McpSettings(detail=True)))
    assert len(found) == expected
    for one in found:
        assert one.target == f"tools/call {tool}"
        assert one.figures["cpu_ms"] >= 20
        assert one.parameters == {"tool": tool}
