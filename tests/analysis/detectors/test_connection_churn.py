from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.trace import Tracer

from groundhog_otel.analysis.detectors.connection_churn import detect
from groundhog_otel.store.model import Process, Span
from tests.support.captured import Program, recorded
from tests.support.processes import QUIET, environment
from tests.support.recorded import CLIENT, recording, span
from tests.support.sdk import over_stdio


def _connection(
    number: int, *calls: str, handshake_ms: float = 30, at_ms: float | None = None, process: Process = CLIENT
) -> list[Span]:
    """Return a client's spans from its handshake on, each a trace of its own; one connection a second."""
    at_ms = 1000.0 * number if at_ms is None else at_ms
    spans = [span("initialize", trace=1000 * number, ms=handshake_ms, at_ms=at_ms, process=process)]
    spans += [span("notifications/initialized", trace=1000 * number + 1, at_ms=at_ms + 40, process=process)]
    spans += [
        span(f"tools/call {name}", trace=1000 * number + place, at_ms=at_ms + 30 + 20 * place, process=process)
        for place, name in enumerate(calls, 2)
    ]
    return spans


def test_a_connection_for_every_call_is_found() -> None:
    (found,) = detect(recording([one for number in range(10) for one in _connection(number, "nap")]))
    assert (found.detector, found.service, found.target) == ("connection_churn", "app", "")
    assert found.impact_ms == pytest.approx(30)
    assert found.affected == 9
    assert found.says == "app connects 10 times for 10 calls: 30 ms of handshake each time"
    assert found.evidence[0].says == "30 ms of handshake, then tools/call nap, called before"
    assert found.evidence[0].trace_id == f"{1000:032x}"


def test_a_handshake_of_two_messages_is_one() -> None:
    """A client that does not know what the server speaks asks it first."""
    spans = []
    for number in range(8):
        spans += [span("server/discover", trace=1000 * number + 9, at_ms=1000 * number - 20, ms=15)]
        spans += _connection(number, "nap")
    (found,) = detect(recording(spans))
    assert found.impact_ms == pytest.approx(45)
    assert found.figures["connections"] == 8


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param(_connection(0, *["nap"] * 30), id="one connection"),
        pytest.param([one for n in range(4) for one in _connection(n, "nap")], id="few"),
        pytest.param([one for n in range(10) for one in _connection(n, *["nap"] * 5)], id="well used"),
        pytest.param([one for n in range(10) for one in _connection(n, f"tool-{n}")], id="as many servers"),
        pytest.param([one for n in range(10) for one in _connection(n)], id="never used"),
        pytest.param([one for n in range(10) for one in _connection(n, "nap", handshake_ms=2)], id="cheap"),
        pytest.param([one for n in range(10) for one in _connection(n, "nap", at_ms=n / 10)], id="all at once"),
        pytest.param(
            [one for n in range(10) for one in _connection(n, "nap", process=Process("app", n))], id="as many processes"
        ),
        pytest.param(
            [replace(one, kind="server") for n in range(10) for one in _connection(n, "nap")], id="seen by the server"
        ),
    ],
)
def test_what_may_well_be_right_is_not(spans: list[Span]) -> None:
    assert not detect(recording(spans))


def test_connections_that_are_there_at_the_same_time_may_be_needed() -> None:
    spans = [one for n in range(10) for one in _connection(n, "nap", at_ms=100 * n)]
    assert detect(recording(spans))
    assert not detect(
        recording([replace(one, end_ns=one.start_ns + 10**9) if one.name == "tools/call nap" else one for one in spans])
    )


def test_calls_made_at_once_through_another_connection_do_not_matter() -> None:
    busy = [span("tools/call nap", trace=90_000 + n, at_ms=50_000, ms=500) for n in range(20)]
    (found,) = detect(recording([*busy, *(one for n in range(10) for one in _connection(n, "nap"))]))
    assert found.affected == 9


def test_addresses_are_told_apart() -> None:
    spans = [
        replace(one, attributes={**one.attributes, "server.address": f"host-{number}"})
        for number in range(10)
        for one in _connection(number, "nap")
    ]
    assert not detect(recording(spans))


def _program(*, anew: bool) -> Program:
    async def program(tracer: Tracer) -> None:
        for _ in range(6 if anew else 1):
            async with over_stdio(sys.executable, "-m", "tests.support.sdk", env=environment(**QUIET)) as session:
                for _ in range(1 if anew else 6):
                    await session.call_tool("nap", {"seconds": 0})

    return program


def test_a_real_client_that_starts_its_server_for_every_call(tmp_path: Path) -> None:
    (found,) = detect(recorded(tmp_path, _program(anew=True)))
    assert (found.affected, found.figures["connections"], found.figures["calls"]) == (5, 6, 6)
    assert found.impact_ms > 50  # it takes a Python interpreter to start


def test_a_real_client_that_keeps_its_connection(tmp_path: Path) -> None:
    assert not detect(recorded(tmp_path, _program(anew=False)))
