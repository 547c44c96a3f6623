from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.detectors.contrast import detect
from groundhog_otel.store.model import Process, Span, Value
from tests.analysis.detectors.waiting import held_up, served
from tests.support.recorded import MS, recording

TENANTS = ("acme", "globex", "initech", "hooli")


def _calls(times: int = 60, *, slow: str | None = "globex", ms: float = 100) -> list[Span]:
    """Return calls of 10 ms for four tenants in turn, slow for one of them."""
    return [
        served(
            own=number + 1,
            at_ms=number * 200,
            ms=ms if TENANTS[number % 4] == slow else 10 + number % 3,
            app__tenant=TENANTS[number % 4],
        )
        for number in range(times)
    ]


def _marked(one: Span, name: str, value: Value) -> Span:
    """Return a call that has no attribute but this one."""
    return replace(one, attributes={"mcp.method.name": "tools/call", name: value})


def _lasting(one: Span, ms: float) -> Span:
    return replace(one, end_ns=one.start_ns + int(ms * MS))


def _slow(one: Span) -> bool:
    return one.duration_s > 0.05


def test_what_slow_calls_have_in_common() -> None:
    (found,) = detect(recording(_calls()))
    assert (found.target, found.affected) == ("tools/call nap", 15)
    assert found.impact_ms == pytest.approx(89)
    assert "app.tenant = globex" in found.says
    assert "15 of 15 slow calls have it, and 0 of the others" in found.says
    assert found.figures["phi"] == pytest.approx(1)
    assert [one.says.split(" took")[0] for one in found.evidence] == [
        *["tools/call nap with app.tenant = globex"] * 3,
        "Another tools/call nap",
    ]


def test_most_calls_may_be_slow() -> None:
    calls = [
        _lasting(one, 10 if one.attributes["app.tenant"] == "acme" or n % 12 == 1 else 100)
        for n, one in enumerate(_calls(120))
    ]
    (found,) = detect(recording(calls))
    assert "app.tenant other than acme" in found.says
    assert found.affected == 80


def test_a_process_a_size_and_a_missing_attribute_are_traits_too() -> None:
    even = list(enumerate(_calls(slow=None)))
    pids = [
        replace(_lasting(_marked(one, "app.a", "a"), 9 if n % 3 else 90), process=Process("srv", n % 3))
        for n, one in even
    ]
    (found,) = detect(recording(pids))
    assert "process.pid = 0" in found.says
    sizes = [_lasting(_marked(one, "groundhog.mcp.request.size", 100 + n * n), 9 if n < 45 else 90) for n, one in even]
    (found,) = detect(recording(sizes))
    assert "groundhog.mcp.request.size of 2125 or more" in found.says
    little = [
        replace(one, attributes={**one.attributes, "groundhog.mcp.request.size": 500 + n // 46})
        for n, one in enumerate(sizes)
    ]
    assert detect(recording(little)) == []
    cached = [
        one if _slow(one) else replace(one, attributes={**one.attributes, "app.cached": True}) for one in _calls()
    ]
    (found,) = detect(recording(cached))
    assert "no app.cached" in found.says
    assert "so have those with app.tenant = globex" in found.says


def test_identities_and_outcomes_are_no_causes() -> None:
    assert detect(recording([_marked(one, "app.any", str(_slow(one))) for one in _calls()]))
    for name in (
        "mcp.session.id",
        "jsonrpc.request.id",
        "client.port",
        "rpc.response.status_code",
        "groundhog.cpu.time",
    ):
        assert detect(recording([_marked(one, name, str(_slow(one))) for one in _calls()])) == [], name
    assert detect(recording([_marked(one, "app.user", f"u{n}") for n, one in enumerate(_calls())])) == []


def test_small_differences_few_calls_and_errors_are_no_finding() -> None:
    assert detect(recording(_calls(ms=15))) == []
    assert detect(recording(_calls(16))) == []
    assert detect(recording(_calls(28))) == []
    assert detect(recording(_calls(slow=None))) == []
    failed = [replace(one, status="error") if _slow(one) else one for one in _calls()]
    assert detect(recording(failed)) == []


def test_what_is_slow_for_a_known_cause_is_left_out() -> None:
    calls = [held_up(one, at_ms=0, block_ms=90) if _slow(one) else one for one in _calls()]
    assert detect(recording(calls)) == []


def test_the_server_tells_and_the_client_where_no_server_does() -> None:
    clients = [replace(one, kind="client", process=Process("app", 11)) for one in _calls()]
    (found,) = detect(recording(clients))
    assert found.service == "app"
    (found,) = detect(recording([*clients, *_calls()]))
    assert found.service == "srv"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(20, 200), st.floats(0.05, 0.6), st.integers(2, 6))
def test_chance_makes_no_finding(seed: int, calls: int, slow: float, attributes: int) -> None:
    """Slow calls that have nothing to do with any of many attributes: 0.1 % of such recordings may be wrong."""
    chance = random.Random(seed)
    made = [
        replace(
            _lasting(one, 100 if chance.random() < slow else 10),
            attributes={
                "mcp.method.name": "tools/call",
                **{f"app.a{number}": str(chance.randrange(number + 2)) for number in range(attributes)},
            },
        )
        for one in _calls(calls)
    ]
    assert detect(recording(made)) == []
