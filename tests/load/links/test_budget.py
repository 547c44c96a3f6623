"""Where the time went: exact over whatever is recorded, and right on a server whose times are known."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.load.links.budget import PARTS, Budget, latency_budget, middle_half, split
from groundhog_otel.load.links.finding import look_up
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.results.result import Request
from groundhog_otel.store.model import Event, Kind, Process, Span
from groundhog_otel.store.recorded import Recordings
from tests.load.links.calls import call, request
from tests.load.links.slow_server import BLOCK_S, FAR_S
from tests.support import sdk
from tests.support.processes import ROOT, environment

MS = 1_000_000
ONE = request()
BASE = ONE.sent_ns


def _span(
    kind: Kind = "server", at_ms: float = 11, ms: float = 80, *, own: int = 1, parent: int | None = None, **rest: Any
) -> Span:
    start = BASE + round(at_ms * MS)
    parent_id = ONE.span_id if parent is None else f"{parent:016x}"
    return Span(
        ONE.trace_id, f"{own:016x}", parent_id, "x", kind, start, start + round(ms * MS), Process("srv"), **rest
    )  # fmt: skip


def _event(name: str, attribute: str, ms: float, *, end_ms: float) -> Event:
    return Event(name, BASE + round(end_ms * MS), {attribute: ms / 1000})


def _held_up(ms: float, *, end_ms: float) -> Event:
    return _event("groundhog.event_loop.held_up", "groundhog.event_loop.blocked.duration", ms, end_ms=end_ms)


def _waited(ms: float, *, end_ms: float) -> Event:
    return _event("groundhog.worker_threads.waited", "groundhog.worker_threads.wait", ms, end_ms=end_ms)


def _ms(spans: list[Span], one: Request = ONE) -> dict[str, float]:
    parts, _ = split(one, spans)
    return {name: part / MS for name, part in parts.items() if part}


def test_a_request_of_which_all_is_known() -> None:
    spans = [
        _span(events=(_held_up(10, end_ms=30),), attributes={"groundhog.event_loop.lag": 0.004}),
        _span("internal", 31, 40, own=2, parent=1, events=(_waited(5, end_ms=36),)),
        _span("client", 40, 20, own=3, parent=2),
        _span("client", 50, 20, own=4, parent=2),
        _span("client", 41, 1, own=5, parent=3),
        _span("server", 42, 10, own=6, parent=3),
    ]
    assert _ms(spans) == {
        "schedule delay": 20, "client": 2, "transport": 14, "server queue": 19, "handler": 35, "downstream": 30,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], {"unexplained": 98}),
        ([_span("internal", own=2, parent=9)], {"unexplained": 98}),
        ([_span()], {"transport": 18, "handler": 80}),
        # Its loop was later than the request was on its way there: not all of that time was spent on this one.
        ([_span(attributes={"groundhog.event_loop.lag": 9.0})], {"transport": 8, "server queue": 10, "handler": 80}),
        # Another machine's clock.
        ([_span(at_ms=-5000)], {"transport": 18, "handler": 80}),
        ([_span(at_ms=5000)], {"transport": 18, "handler": 80}),
        ([_span(at_ms=5000), _span("client", 5010, 30, own=2, parent=1)],
         {"transport": 18, "handler": 50, "downstream": 30}),
        # Longer than the client has waited.
        ([_span(at_ms=-10, ms=200)], {"handler": 98}),
        ([_span(ms=0)], {"transport": 98}),
        ([_span(ms=-5)], {"transport": 98}),
        # While the loop is blocked nobody gets on, whatever else is waited for.
        ([_span(events=(_held_up(30, end_ms=60),)), _span("client", 20, 60, own=2, parent=1)],
         {"transport": 18, "server queue": 30, "handler": 20, "downstream": 30}),
        # The rest of a wait, or of a call, that is not within the span is not the request's.
        ([_span(events=(_waited(500, end_ms=21),)), _span("client", 81, 500, own=2, parent=1)],
         {"transport": 18, "server queue": 10, "handler": 60, "downstream": 10}),
        # Sent once, taken up twice.
        ([_span(ms=20), _span(at_ms=51, ms=20, own=2)], {"transport": 58, "handler": 40}),
    ],
)  # fmt: skip
def test_what_spans_say_of_the_time_that_the_client_has_waited(spans: list[Span], expected: dict[str, float]) -> None:
    assert _ms(spans) == {"schedule delay": 20, "client": 2, **expected}


def test_a_server_that_goes_on_after_its_client_gave_up_is_cut_and_its_clock_not_blamed() -> None:
    spans = [_span(ms=5000)]
    budget = latency_budget([replace(ONE, error="timeout")], lambda _: spans)
    assert budget.clock_skew_s == 0
    assert budget.cut_s == pytest.approx(4.912)
    assert _ms(spans, replace(ONE, error="timeout")) == {
        "schedule delay": 20, "client": 2, "transport": 10, "handler": 88,
    }  # fmt: skip


def test_a_server_that_takes_a_request_up_only_after_its_client_gave_up_has_kept_it_waiting() -> None:
    fast, late = replace(ONE, trace_id="12" * 16), replace(ONE, error="timeout")
    spans = {fast.trace_id: [_span(at_ms=3)], late.trace_id: [_span(at_ms=5000)]}
    budget = latency_budget([late], lambda one: spans[one.trace_id], among=[fast])
    assert {part.name: round(part.seconds * 1000, 6) for part in budget.parts if part.seconds} == {
        "schedule delay": 20, "client": 2, "server queue": 98,
    }  # fmt: skip
    assert (budget.joined, budget.clock_skew_s) == (1, 0)


def test_without_the_clients_stamps_its_own_work_is_not_called_transport() -> None:
    bare = replace(ONE, written_ns=None, read_ns=None)
    assert _ms([_span()], bare) == {"schedule delay": 20, "unexplained": 20, "handler": 80}


def test_a_budget_is_the_mean_and_says_of_how_many_the_server_is_known() -> None:
    other = replace(ONE, trace_id="12" * 16, intended_ns=ONE.sent_ns)
    budget = latency_budget([ONE, other], lambda one: [_span(at_ms=7)] if one is ONE else [])
    assert (budget.requests, budget.joined) == (2, 1)
    assert budget.seconds == pytest.approx(0.11)
    by_name = {part.name: part for part in budget.parts}
    assert by_name["schedule delay"].seconds == pytest.approx(0.01)
    assert by_name["unexplained"].seconds == pytest.approx(0.049)
    assert by_name["handler"].share == pytest.approx(0.364)
    assert tuple(by_name) == PARTS


def test_the_skew_is_what_the_span_had_to_be_moved() -> None:
    assert latency_budget([ONE], lambda _: [_span(at_ms=-5000)]).clock_skew_s == pytest.approx(5.001)
    assert latency_budget([ONE], lambda _: [_span(at_ms=6000)]).clock_skew_s == pytest.approx(5.981)
    assert latency_budget([ONE], lambda _: [_span()]).clock_skew_s == 0


def test_on_one_clock_the_way_there_and_the_way_back_are_told_apart() -> None:
    budget = latency_budget([ONE], lambda _: [_span(at_ms=6, attributes={"groundhog.event_loop.lag": 0.002})])
    transport = next(part for part in budget.parts if part.name == "transport")
    assert budget.there_s == pytest.approx(0.003)
    assert budget.back_s == pytest.approx(0.013)
    assert transport.seconds == pytest.approx(0.016)
    for spans in ([], [_span(at_ms=-5000)]):
        unknown = latency_budget([ONE], lambda _, spans=spans: spans)  # type: ignore[misc]
        assert (unknown.there_s, unknown.back_s) == (None, None)


@pytest.mark.parametrize("clock_ms", [0, -5000, 5000])
def test_what_was_taken_up_later_than_the_fastest_has_waited_whatever_the_clocks(clock_ms: float) -> None:
    slow, fast = ONE, replace(ONE, trace_id="12" * 16)
    starts = {slow.trace_id: 11 + clock_ms, fast.trace_id: 3 + clock_ms}

    def spans(one: Request) -> list[Span]:
        return [_span(at_ms=starts[one.trace_id], ms=80)]

    def parts(budget: Budget) -> dict[str, float]:
        return {part.name: round(part.seconds * 1000, 6) for part in budget.parts if part.seconds}

    known = {"schedule delay": 20, "client": 2, "handler": 80}
    assert parts(latency_budget([slow], spans)) == {**known, "transport": 18}
    assert parts(latency_budget([slow], spans, among=[fast])) == {**known, "transport": 10, "server queue": 8}
    assert parts(latency_budget([fast], spans, among=[slow])) == {**known, "transport": 18}
    other = replace(fast, operation="tools/call other")
    assert parts(latency_budget([slow], spans, among=[other])) == {**known, "transport": 18}, "those alike only"


def test_no_request_is_no_budget() -> None:
    with pytest.raises(ValueError, match="at least one request"):
        latency_budget([], lambda _: [])


def test_typical_requests_are_the_middle_half() -> None:
    found = middle_half(replace(ONE, ended_ns=ONE.sent_ns + number * MS) for number in (7, 1, 5, 3, 8, 2, 6, 4))
    assert [(one.ended_ns - one.sent_ns) // MS for one in found] == [3, 4, 5, 6]
    assert middle_half([ONE]) == (ONE,)


times = st.integers(BASE - 200 * MS, BASE + 200 * MS)
seconds = st.one_of(st.floats(allow_nan=True), st.floats(0, 0.3), st.just("soon"), st.none())
events = st.builds(
    Event,
    st.sampled_from(["groundhog.event_loop.held_up", "groundhog.worker_threads.waited", "exception"]),
    times,
    st.dictionaries(
        st.sampled_from(["groundhog.event_loop.blocked.duration", "groundhog.worker_threads.wait"]), seconds
    ),
)
ids = st.sampled_from([ONE.span_id, *(f"{number:016x}" for number in range(6))])
spans = st.builds(
    Span,
    trace_id=st.just(ONE.trace_id),
    span_id=ids,
    parent_id=st.one_of(st.none(), ids),
    name=st.just("x"),
    kind=st.sampled_from(["server", "client", "internal", "consumer"]),
    start_ns=times,
    end_ns=times,
    process=st.just(Process("srv")),
    attributes=st.dictionaries(st.just("groundhog.event_loop.lag"), seconds),
    events=st.lists(events, max_size=3).map(tuple),
)
requests = st.builds(
    replace,
    st.just(ONE),
    intended_ns=times,
    sent_ns=times,
    written_ns=st.one_of(st.none(), times),
    read_ns=st.one_of(st.none(), times),
    ended_ns=times,
    error=st.sampled_from([None, "timeout", "tool"]),
)


@given(requests, st.lists(spans, max_size=8), st.one_of(st.none(), st.integers(-100 * MS, 100 * MS)))
def test_whatever_is_recorded_the_parts_are_all_of_the_time_exactly(
    one: Request, tree: list[Span], fastest_ns: int | None
) -> None:
    parts, _ = split(one, tree, fastest_ns=fastest_ns)
    assert sum(parts.values()) == max(one.ended_ns, one.sent_ns, one.intended_ns) - one.intended_ns
    assert all(part >= 0 for part in parts.values())


@given(st.lists(st.tuples(requests, st.lists(spans, max_size=5)), min_size=1, max_size=5))
def test_the_shares_of_a_budget_are_a_hundred_per_cent_exactly(chosen: list[tuple[Request, list[Span]]]) -> None:
    trees = {id(one): tree for one, tree in chosen}
    budget = latency_budget([one for one, _ in chosen], lambda one: trees[id(one)])
    assert sum(part.permille for part in budget.parts) == 1000
    assert all(part.permille >= 0 and part.seconds >= 0 for part in budget.parts)
    assert sum(part.seconds for part in budget.parts) == pytest.approx(budget.seconds)
    transport = next(part.seconds for part in budget.parts if part.name == "transport")
    if budget.there_s is not None and budget.back_s is not None:
        assert min(budget.there_s, budget.back_s) >= 0
        assert budget.there_s + budget.back_s == pytest.approx(transport)
    for part in budget.parts:
        assert budget.seconds == 0 or abs(part.share - part.seconds / budget.seconds) <= 0.001 + 1e-9


@contextmanager
def _served(telemetry: Telemetry) -> Iterator[str]:
    made = telemetry.server([sys.executable, "-m", "tests.load.links.slow_server"], environment())
    with subprocess.Popen(
        made.words, cwd=ROOT, env=made.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(30)


async def _requests(url: str) -> dict[str, Request]:
    found = {}
    async with sdk.over_http(url) as session:
        await session.call_tool("add", {"a": 1, "b": 2})
        found["handler"] = await call(session, "work", {"own": 0.4, "elsewhere": 0})
        found["downstream"] = await call(session, "work", {"own": 0, "elsewhere": 0.4})
        found["schedule delay"] = await call(session, "add", {"a": 1, "b": 2}, late_s=0.4)
        found["client"] = await call(session, "add", {"a": 1, "b": 2}, busy_s=0.4)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.call_tool, "narrow_thread", {"seconds": 0.5})
            await anyio.sleep(0.1)
            found["thread"] = await call(session, "narrow_thread", {"seconds": 0.01})
        await session.call_tool("nap", {"seconds": 0.2})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.call_tool, "block", {})
            await anyio.sleep(0.1)  # the loop is blocked by now, and the request waits outside of it
            found["unread"] = await call(session, "add", {"a": 1, "b": 2})
        async with anyio.create_task_group() as tasks:

            async def napping() -> None:
                found["held up"] = await call(session, "nap", {"seconds": 0.15})

            tasks.start_soon(napping)
            await anyio.sleep(0.1)
            await session.call_tool("block", {})
    async with sdk.over_http(f"{url}?far=1") as session:
        found["transport"] = await call(session, "add", {"a": 1, "b": 2})
    return found


def _largest(budget: Budget) -> str:
    return max(budget.parts, key=lambda part: part.seconds).name


@pytest.mark.timeout(180)
def test_on_a_real_server_the_time_is_where_it_was_spent(tmp_path: Path) -> None:
    telemetry = Telemetry("files", "run-1", tmp_path)
    writer = telemetry.span_writer()
    assert writer is not None
    with _served(telemetry) as url:
        found = asyncio.run(_requests(url))
        for one in found.values():
            writer.write(one)
    assert writer.close()
    looked = look_up(found.values(), Recordings(tmp_path, "run-1"))
    # Of the same operation, and the way there was the same.
    alike = [one for name, one in found.items() if name != "transport"]
    budgets = {
        name: latency_budget([one], looked.spans, among=() if name == "transport" else alike)
        for name, one in found.items()
    }
    assert all(budget.joined == 1 for budget in budgets.values()), looked
    spent = {name: {part.name: part.seconds for part in budget.parts} for name, budget in budgets.items()}

    for name in ("handler", "downstream", "schedule delay", "client", "transport"):
        assert _largest(budgets[name]) == name, spent[name]
    for name in ("thread", "unread", "held up"):
        assert _largest(budgets[name]) == "server queue", (name, spent[name])
    assert spent["handler"]["handler"] > 0.38
    assert spent["downstream"]["downstream"] > 0.38
    assert spent["schedule delay"]["schedule delay"] == pytest.approx(0.4)
    assert spent["client"]["client"] > 0.38
    assert spent["transport"]["transport"] > FAR_S * 0.95
    assert spent["thread"]["server queue"] > 0.2
    for name in ("unread", "held up"):
        assert spent[name]["server queue"] > BLOCK_S / 4
    assert all(budget.clock_skew_s < 0.1 for budget in budgets.values())
    for name, budget in budgets.items():
        assert budget.seconds == pytest.approx(found[name].response_s)
        assert spent[name]["unexplained"] == 0
