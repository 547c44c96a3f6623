from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from groundhog_otel.load.arrivals import Arrivals, Constant, Poisson, Replay
from groundhog_otel.load.engine.progress import Progress
from groundhog_otel.load.engine.schedule import WHOLE, Share
from groundhog_otel.load.engine.share import GRACE_S, Hooks, run_share
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.judgement.soundness import faults
from groundhog_otel.load.plan import Expectation, LoadTestConfig, Scenario, Step
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.load.session import Answer
from tests.load.fake import Call, FakeTarget, VirtualClock, VirtualLoop, after, at_once, virtually

ADD = Scenario("add", (Step(target="add"),))
OPEN = LoadTestConfig(duration=10, arrivals=Constant(100), test_scenarios=(ADD,))
CLOSED = LoadTestConfig(duration=10, concurrent_users=4, test_scenarios=(ADD,))


def run(
    target: FakeTarget,
    config: LoadTestConfig,
    *,
    share: Share = WHOLE,
    hooks: Hooks | None = None,
    meanwhile: Callable[[Stop], Any] | None = None,
) -> LoadResult:
    """Run a test in virtual time."""

    async def work(clock: VirtualClock) -> LoadResult:
        stop = Stop()
        beside = None if meanwhile is None else asyncio.ensure_future(meanwhile(stop))
        try:
            return await run_share(target, config, run_id="run-7", stop=stop, share=share, hooks=hooks, clock=clock)
        finally:
            if beside is not None:
                beside.cancel()
                await asyncio.gather(beside, return_exceptions=True)

    return virtually(work)


def response_ms(result: LoadResult, name: str = "tools/call add") -> list[float]:
    """Return every response latency in ascending order, to an HDR histogram's precision."""
    return _ms(next(one.response for one in result.operations if one.name == name))


def service_ms(result: LoadResult, name: str = "tools/call add") -> list[float]:
    return _ms(next(one.service for one in result.operations if one.name == name))


def _ms(encoded: str) -> list[float]:
    return [value / 1000 for value, number in sorted(Tally.decode(encoded).items()) for _ in range(number)]


def began_s(target: FakeTarget) -> float:
    """When the schedule began: all sessions are opened before."""
    return min(call.at_s for call in target.calls)


def test_a_schedule_is_never_delayed_by_answers_that_do_not_come() -> None:
    target = FakeTarget(after(3600))
    arrivals = Poisson(100)
    result = run(target, replace(OPEN, arrivals=arrivals, request_timeout=5))
    due = list(arrivals.times(10, 0))
    begin = target.calls[0].at_s - due[0]
    assert [call.at_s - begin for call in target.calls] == pytest.approx(due, abs=1e-6)
    assert result.operations[0].errors == {"timeout": len(due)}
    assert result.self_checks[0].due == result.self_checks[0].begun == len(due)


def test_percentiles_are_those_of_the_server_within_one_percent() -> None:
    draw = Random(5)
    took: list[float] = []

    async def lognormal(_call: Call) -> Answer:
        took.append(draw.lognormvariate(-4, 0.8))
        await asyncio.sleep(took[-1])
        return Answer({})

    result = run(FakeTarget(lognormal), replace(OPEN, duration=300, arrivals=Poisson(200)))
    assert result.operations[0].count == len(took) > 59_000
    took.sort()
    percents = (50, 90, 99, 99.9)
    true = [took[-int(-len(took) * percent // 100) - 1] for percent in percents]
    for encoded in (result.operations[0].response, result.operations[0].service):
        assert Tally.decode(encoded).percentiles_s(*percents) == pytest.approx(true, rel=0.002)


def test_a_stalled_server_shows_in_every_request_that_was_due_meanwhile() -> None:
    """The coordinated omission test: 1 s in which nothing is answered, at 100 requests/s and 2 ms else."""
    stall_s, target = 1.0, FakeTarget()

    async def stalls(call: Call) -> Answer:
        at_s = call.at_s - began_s(target)
        await asyncio.sleep(max(0.0, 5.0 + stall_s - at_s if at_s >= 4.9999 else 0.0) + 0.002)
        return Answer({})

    target.behave = stalls
    latencies = response_ms(run(target, OPEN))
    # Due at 5.00, 5.01 … 5.99, answered at 6.002: 1002, 992, …, 12 ms. All others took 2 ms.
    assert latencies == pytest.approx([2] * 900 + [12 + 10 * number for number in range(100)], rel=0.001)


def test_a_stall_of_the_loop_is_in_the_service_once_and_in_the_response_of_all() -> None:
    """A handler in the generator's own process that blocks: nothing can be sent, but what was due stays due."""
    stalled = False

    async def blocks(call: Call) -> Answer:
        nonlocal stalled
        if call.number == 500 and not stalled:
            stalled = True
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.block(1.0)
        await asyncio.sleep(0.002)
        return Answer({})

    result = run(FakeTarget(blocks), OPEN)
    assert service_ms(result) == pytest.approx([2] * 999 + [1002], rel=0.001)
    late = [2 + 10 * number for number in range(1, 100)]
    # The blocked one itself, and the 99 that were due until its end: all at once, each counted from its own time.
    assert response_ms(result) == pytest.approx([2] * 900 + late + [1002], rel=0.001)
    check = result.self_checks[0]
    assert check.scheduling_error_max_s == pytest.approx(0.99, rel=0.001)
    assert check.scheduling_error_p50_s <= 1e-6


def test_a_short_test_is_sound_with_two_late_requests_and_not_with_many() -> None:
    def blocking(*, every: int) -> FakeTarget:
        async def blocks(call: Call) -> Answer:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            if call.number % every == every - 1:
                loop.block(0.025)
            await asyncio.sleep(0.002)
            return Answer({})

        return FakeTarget(blocks)

    short = replace(OPEN, duration=1)
    seldom, often = run(blocking(every=60), short), run(blocking(every=5), short)
    assert seldom.self_checks[0].scheduling_error_p99_s > 0.004
    assert not any("late" in fault for fault in faults(seldom))
    assert any("late, beside a p99 of" in fault for fault in faults(often))


@pytest.mark.parametrize(("rate", "unfinished"), [(190, 0), (1000, 8000)])
def test_a_rate_that_cannot_be_generated_is_said_with_the_one_that_was(rate: int, unfinished: int) -> None:
    """Each request takes the generator 10 ms of its own time, so that it cannot do more than 100 per second."""

    async def laborious(_call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.block(0.01)
        return Answer({})

    result = run(FakeTarget(laborious, keep_calls=False), replace(OPEN, arrivals=Constant(rate)))
    # All that was due is there: what could be begun within the grace as it was, the rest as at least that slow.
    assert result.operations[0].count == sum(window.due for window in result.windows) == rate * 10
    assert result.unfinished == pytest.approx(unfinished, abs=200)
    # At 190/s the last one, due as the test ends, waits for 900 others. At 1000/s the grace ends after some 2000.
    assert response_ms(result)[-1] == pytest.approx(9_000 if rate == 190 else 18_000, rel=0.1)
    found = re.fullmatch(
        r"the schedule wanted ([\d,]+)/s and the generator began only (\S+)/s: .*", next(iter(faults(result)), "")
    )
    assert found is not None
    assert int(found[1].replace(",", "")) == rate
    assert float(found[2]) == pytest.approx(100, rel=0.02)


def test_a_session_that_dies_costs_those_who_waited_for_the_next() -> None:
    """It takes 1 s to open another one: nothing can be sent meanwhile, and nothing is forgotten."""
    target = FakeTarget()

    async def dies(call: Call) -> Answer:
        if call.number == 500:
            target.open_s = 1.0
            target.sessions[-1].ended = "the server has ended with exit code 1"
            return Answer(None, "transport", "ConnectionError", "closed")
        await asyncio.sleep(0.002)
        return Answer({})

    target.behave = dies
    result = run(target, OPEN)
    assert result.reopened == 1
    assert result.interrupted is None
    assert result.operations[0].errors == {"transport:ConnectionError": 1}
    assert service_ms(result)[-1] == pytest.approx(2, rel=0.001)
    waited = [latency for latency in response_ms(result) if latency > 2.1]
    assert waited == pytest.approx([12 + 10 * number for number in range(99)], abs=10)
    assert target.open_now == 0


def test_a_server_that_is_gone_ends_the_test_with_what_was_recorded() -> None:
    target = FakeTarget(after(0.002))
    target.refuse = lambda number: "nothing listens there" if number >= 2 else None

    async def dies(call: Call) -> Answer:
        if call.number >= 500:
            for session in target.sessions:
                session.ended = "connection refused"
            return Answer(None, "transport", "ConnectError")
        await asyncio.sleep(0.002)
        return Answer({})

    target.behave = dies
    result = run(target, replace(OPEN, concurrent_users=2, duration=60))
    assert result.interrupted == (
        "the server has died (connection refused) and cannot be reached again: nothing listens there"
    )
    assert 5 < result.duration_s < 10
    assert len([latency for latency in response_ms(result) if latency < 2.1]) == 501
    assert len(result.windows) == int(result.duration_s) + 2
    assert sum(window.due for window in result.windows) == result.operations[0].count == result.self_checks[0].due


def test_the_warm_up_is_not_counted() -> None:
    async def slow_at_first(call: Call) -> Answer:
        await asyncio.sleep(0.5 if call.number < 200 else 0.002)
        return Answer({})

    target = FakeTarget(slow_at_first)
    result = run(target, replace(OPEN, warm_up=2))
    assert len(target.calls) == 1200
    assert response_ms(result) == pytest.approx([2] * 1000, rel=0.001)
    assert result.duration_s == pytest.approx(10)
    assert result.started_at_ns / 1e9 == pytest.approx(began_s(target) + 2)
    assert sum(window.count for window in result.windows) == sum(window.due for window in result.windows) == 1000


def test_what_is_unfinished_after_the_grace_is_counted_as_at_least_that_slow() -> None:
    async def hangs(call: Call) -> Answer:
        await asyncio.sleep(0.002 if call.number % 100 else 3600)
        return Answer({})

    target = FakeTarget(hangs)
    result = run(target, replace(OPEN, request_timeout=600))
    assert result.unfinished == 10
    (one,) = result.operations
    assert one.count == 1000
    assert one.errors == {"timeout:unfinished": 10}
    # Due at 0, 1 … 9 s, and given up 10 s after the end.
    assert response_ms(result)[-10:] == pytest.approx([(GRACE_S + number) * 1000 for number in range(1, 11)], rel=0.001)
    assert result.duration_s == pytest.approx(10)
    assert len(result.windows) == 11
    assert result.windows[-1].start_s == 10
    assert result.windows[-1].count == 10
    assert result.slowest[0].error == "timeout:unfinished"
    assert target.open_now == 0


def test_a_closed_model_waits_for_each_answer() -> None:
    target = FakeTarget(after(0.05))
    result = run(target, CLOSED)
    assert result.model == "closed"
    # Four users, 20 requests/s each.
    assert result.operations[0].count == pytest.approx(800, abs=8)
    assert response_ms(result) == service_ms(result)
    for session in range(4):
        times = [call.at_s for call in target.calls if call.session == session]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps == pytest.approx([0.05] * len(gaps))
    assert result.self_checks[0].due == 0


def test_users_of_a_closed_model_start_one_after_the_other() -> None:
    target = FakeTarget(after(0.05))
    run(target, replace(CLOSED, ramp_up_period=4))
    first = [min(call.at_s for call in target.calls if call.session == session) for session in range(4)]
    assert [at_s - first[0] for at_s in first] == pytest.approx([0, 1, 2, 3])


def test_sessions_of_an_open_model_join_one_after_the_other_and_share_evenly_then() -> None:
    target = FakeTarget(after(0.001))
    run(target, replace(OPEN, concurrent_users=4, ramp_up_period=4))
    begin = began_s(target)
    for second, sessions in ((0, {0}), (1, {0, 1}), (2, {0, 1, 2}), (5, {0, 1, 2, 3})):
        calls = [call for call in target.calls if second <= call.at_s - begin < second + 0.999]
        assert {call.session for call in calls} == sessions
        counts = [sum(call.session == session for call in calls) for session in sessions]
        assert max(counts) - min(counts) <= 1


def test_thinking_is_before_a_step_and_no_part_of_its_latency() -> None:
    steps = (Step(target="one", think=1.0), Step(target="two", think=(0.5, 1.5)))
    target = FakeTarget(after(0.1))
    result = run(target, replace(CLOSED, duration=600, concurrent_users=1, test_scenarios=(Scenario("s", steps),)))
    assert {latency for one in ("one", "two") for latency in response_ms(result, f"tools/call {one}")} == {99.968}
    ones = [call.at_s for call in target.calls if call.target == "one"]
    twos = [call.at_s for call in target.calls if call.target == "two"]
    thought = [two - one - 0.1 for one, two in zip(ones, twos, strict=False)]
    assert 0.5 <= min(thought) < 0.55
    assert 1.45 < max(thought) <= 1.5
    assert [one - two - 0.1 for two, one in zip(twos, ones[1:], strict=False)] == pytest.approx([1.0] * (len(ones) - 1))


def test_a_later_step_is_due_when_the_earlier_one_has_ended_and_uses_what_it_saved() -> None:
    async def shop(call: Call) -> Answer:
        await asyncio.sleep(0.2)
        return Answer({"structuredContent": {"id": call.number}, "content": [{"text": "ok"}]})

    steps = (
        Step(target="order", arguments={"item": "${item}"}, save={"id": "structuredContent.id"}),
        Step(target="pay", arguments={"order": "${id}", "note": "for ${item}"}),
    )
    scenario = Scenario("shop", steps, data=({"item": "tea"}, {"item": "jam"}))
    target = FakeTarget(shop)
    result = run(target, replace(OPEN, arrivals=Constant(1), duration=4, test_scenarios=(scenario,)))
    orders = [call for call in target.calls if call.target == "order"]
    pays = [call for call in target.calls if call.target == "pay"]
    assert [call.arguments for call in orders] == [{"item": "tea"}, {"item": "jam"}] * 2
    for order, pay in zip(orders, pays, strict=True):
        assert pay.arguments == {"order": order.number, "note": f"for {order.arguments['item']}"}
        assert pay.at_s == pytest.approx(order.at_s + 0.2)
    assert response_ms(result, "tools/call pay") == pytest.approx([200] * 4, rel=0.001)
    assert sum(window.due for window in result.windows) == 8


def test_steps_that_would_be_due_after_the_end_are_not_started() -> None:
    steps = (Step(target="add"), Step(target="late", think=3.0))
    target = FakeTarget(after(0.1))
    run(target, replace(OPEN, arrivals=Constant(1), duration=10, test_scenarios=(Scenario("s", steps),)))
    assert sum(call.target == "add" for call in target.calls) == 10
    assert sum(call.target == "late" for call in target.calls) == 7


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(None, "jsonrpc", "-32602", "Invalid params"), "jsonrpc:-32602"),
        (Answer({"isError": True}, "tool", None, "no such city"), "tool"),
        (Answer(None, "transport", "ConnectError", "refused"), "transport:ConnectError"),
        (Answer({"total": 3}), "assertion:total"),
        (Answer({"total": 4}), "assertion:id"),
    ],
)
def test_errors_are_counted_by_class_and_end_their_round(answer: Answer, kind: str) -> None:
    step = Step(target="add", expect=(Expectation("total", "equals", 4),), save={"id": "id"})
    target = FakeTarget(after(0.01, answer))
    scenario = Scenario("s", (step, Step(target="next")))
    result = run(target, replace(OPEN, arrivals=Constant(10), duration=1, test_scenarios=(scenario,)))
    (one,) = result.operations
    assert one.errors == {kind: 10}
    assert one.messages.keys() == {kind}
    assert {request.error for request in result.sample} == {kind}
    assert {call.target for call in target.calls} == {"add"}
    assert sum(window.errors for window in result.windows) == 10


def test_a_template_without_a_value_is_an_error_and_not_a_hot_loop() -> None:
    scenario = Scenario("s", (Step(target="add", arguments={"a": "${nowhere}"}), Step(target="next")))
    target = FakeTarget(at_once)
    result = run(target, replace(CLOSED, duration=1, test_scenarios=(scenario,)))
    assert target.calls == []
    assert result.operations[0].errors == {"assertion:template": 400}
    assert "${nowhere} has no value" in result.operations[0].messages["assertion:template"]


def test_a_step_has_its_own_timeout_or_the_tests() -> None:
    steps = (Scenario("a", (Step(target="slow", timeout=0.5),)), Scenario("b", (Step(target="patient"),)))
    result = run(FakeTarget(after(60)), replace(OPEN, test_scenarios=steps, request_timeout=2))
    for name, timeout_ms in (("slow", 500), ("patient", 2000)):
        latencies = response_ms(result, f"tools/call {name}")
        assert latencies == pytest.approx([timeout_ms] * len(latencies), rel=0.001)


def test_every_request_carries_a_trace_context_of_its_own_and_the_run() -> None:
    told: list[Request] = []
    target = FakeTarget(after(0.01))
    result = run(target, OPEN, hooks=Hooks(on_remembered=told.append))
    ids = set()
    for call in target.calls:
        found = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01", call.meta["traceparent"])
        assert found is not None
        assert call.meta["baggage"] == "groundhog.load.run_id=run-7"
        ids.add((found[1], found[2]))
    assert len({trace for trace, _ in ids}) == len({span for _, span in ids}) == 1000
    assert {(one.trace_id, one.span_id) for one in (*result.slowest, *result.sample)} <= ids
    assert {*result.slowest, *result.sample} <= {*told}
    assert len(told) < 1000
    # The same test again has other ids, though its schedule is the same.
    again = FakeTarget(after(0.01))
    run(again, OPEN)
    assert {call.meta["traceparent"] for call in again.calls}.isdisjoint(
        call.meta["traceparent"] for call in target.calls
    )


def test_remembered_requests_tell_when_on_the_wall_clock() -> None:
    result = run(FakeTarget(after(0.01)), OPEN)
    for request in result.sample:
        assert request.response_s == pytest.approx(0.01, abs=1e-6)
        assert result.started_at_ns <= request.intended_ns <= request.sent_ns < request.ended_ns


@pytest.mark.parametrize("arrivals", [Poisson(50), None])
def test_shares_together_are_the_whole(arrivals: Arrivals | None) -> None:
    scenarios = (
        Scenario("a", (Step(target="a", arguments={"row": "${row}"}, think=(0.1, 0.9)),), weight=3,
                 data=tuple({"row": row} for row in range(10_000))),
        Scenario("b", (Step(target="b"),)),
    )  # fmt: skip
    config = LoadTestConfig(
        duration=20, concurrent_users=6, arrivals=arrivals, test_scenarios=scenarios, ramp_up_period=3, seed=4
    )

    def done(share: Share) -> list[tuple[Any, ...]]:
        target = FakeTarget(after(0.01))
        result = run(target, config, share=share)
        begin = result.started_at_ns / 1e9
        # In a closed model, which row is taken depends on who comes first.
        rows = arrivals is not None
        return [(round(call.at_s - begin, 6), call.target, rows and call.arguments.get("row")) for call in target.calls]

    parts = [done(Share(index, 3)) for index in range(3)]
    assert all(parts)
    together, whole = sorted(call for part in parts for call in part), sorted(done(WHOLE))
    assert [call[1:] for call in together] == [call[1:] for call in whole]
    assert [call[0] for call in together] == pytest.approx([call[0] for call in whole], abs=1e-5)


def test_parts_of_a_share_are_shares() -> None:
    numbers = [number for number in range(60) if Share(2, 3).has(number)]
    parts = [Share(2, 3).part(index, 4) for index in range(4)]
    assert sorted(number for part in parts for number in range(60) if part.has(number)) == numbers
    assert parts[1] == Share(5, 12)


def test_the_same_seed_makes_the_same_requests_and_another_one_does_not() -> None:
    scenarios = tuple(Scenario(name, (Step(target=name, think=(0.0, 1.0)),)) for name in "abc")

    def calls(seed: int) -> list[tuple[float, str | None]]:
        target = FakeTarget(after(0.01))
        run(target, replace(OPEN, arrivals=Poisson(50), test_scenarios=scenarios, seed=seed))
        return [(call.at_s, call.target) for call in target.calls]

    assert calls(1) == calls(1)
    assert calls(1) != calls(2)


def test_scenarios_are_chosen_by_their_weights() -> None:
    scenarios = (Scenario("a", (Step(target="a"),), weight=3), Scenario("b", (Step(target="b"),)))
    target = FakeTarget()
    run(target, replace(OPEN, duration=100, test_scenarios=scenarios))
    assert sum(call.target == "a" for call in target.calls) / 10_000 == pytest.approx(0.75, abs=0.02)


def test_a_test_that_is_stopped_keeps_what_it_has_and_waits_a_moment_for_the_rest() -> None:
    async def behave(call: Call) -> Answer:
        await asyncio.sleep(3600 if call.number == 10 else 0.5)
        return Answer({})

    async def stop_at_4(stop: Stop) -> None:
        await asyncio.sleep(4)
        stop.tell("Ctrl-C")

    target = FakeTarget(behave)
    result = run(target, replace(OPEN, duration=60, request_timeout=3600), meanwhile=stop_at_4)
    assert result.interrupted == "Ctrl-C"
    assert 3.9 < result.duration_s < 4
    (one,) = result.operations
    assert one.count == len(target.calls) == pytest.approx(400, abs=5)
    assert one.errors == {"timeout:unfinished": 1}
    assert result.unfinished == 1
    assert response_ms(result)[:-1] == pytest.approx([500] * (one.count - 1), rel=0.001)
    assert response_ms(result)[-1] == pytest.approx(4900, rel=0.01)
    assert [window.due for window in result.windows[:4]] == pytest.approx([100] * 4, abs=3)
    assert result.windows[-1].start_s + result.windows[-1].length_s == pytest.approx(4.98, abs=0.02)
    assert target.open_now == 0


def test_whoever_insists_does_not_wait() -> None:
    async def insist(stop: Stop) -> None:
        await asyncio.sleep(4)
        stop.tell("Ctrl-C")
        stop.insist()

    result = run(FakeTarget(after(3600)), replace(OPEN, request_timeout=3600), meanwhile=insist)
    assert response_ms(result)[0] < 20
    assert result.unfinished == pytest.approx(400, abs=5)


def test_a_closed_model_can_be_stopped_while_users_think() -> None:
    async def stop_at_4(stop: Stop) -> None:
        await asyncio.sleep(4)
        stop.tell("Ctrl-C")

    scenario = Scenario("s", (Step(target="add", think=3.0),))
    target = FakeTarget(after(0.1))
    result = run(target, replace(CLOSED, duration=60, test_scenarios=(scenario,)), meanwhile=stop_at_4)
    assert result.operations[0].count == len(target.calls) == 4
    assert result.unfinished == 0


def test_stopped_before_it_begins_there_is_nothing_to_report() -> None:
    async def stop_soon(stop: Stop) -> None:
        await asyncio.sleep(0.5)
        stop.tell("Ctrl-C")

    target = FakeTarget(open_s=10)
    with pytest.raises(StoppedError, match="Ctrl-C"):
        run(target, OPEN, meanwhile=stop_soon)
    assert target.open_now == 0


def test_a_server_that_cannot_be_reached_is_one_clear_error() -> None:
    target = FakeTarget(refuse=lambda _number: "Nothing listens on port 9")
    with pytest.raises(LoadError, match=r"^Nothing listens on port 9$"):
        run(target, replace(OPEN, concurrent_users=100))
    assert target.asked == 1

    target = FakeTarget(refuse=lambda number: "Too many open files" if number == 40 else None)
    with pytest.raises(LoadError, match=r"^Too many open files \(after \d+ of 100 sessions had been opened\)$"):
        run(target, replace(OPEN, concurrent_users=100))
    assert target.open_now == 0


def test_progress_adds_up() -> None:
    seen: list[Progress] = []
    run(FakeTarget(after(0.05)), replace(OPEN, warm_up=2), hooks=Hooks(on_tick=lambda tick: seen.append(tick.progress)))
    assert 24 <= len(seen) <= 26
    assert [one.elapsed_s for one in seen[:3]] == pytest.approx([0.5, 1.0, 1.5], abs=0.05)
    middle = seen[10]
    assert middle.elapsed_s + middle.remaining_s == pytest.approx(12)
    assert middle.started == middle.finished + middle.in_flight
    assert middle.rate_now == pytest.approx(100, rel=0.03)
    assert middle.due_now == pytest.approx(100, rel=0.03)
    assert middle.p50_s == middle.p99_s == pytest.approx(0.05, rel=0.001)
    assert middle.connections == 1
    assert "warming up: not counted yet" in seen[1].notes
    assert middle.notes == ()
    assert seen[-1].finished == seen[-1].started == 1200


def test_observers_see_every_request_that_counts_and_are_told_of_the_end() -> None:
    class Seen:
        def __init__(self, active: Callable[[], int]) -> None:
            self.active = active
            self.records: list[tuple[str, float, float, str | None, int]] = []
            self.closed = False

        def record(self, operation: str, *, response_s: float, delay_s: float, error: str | None = None) -> None:
            self.records.append((operation, response_s, delay_s, error, self.active()))

        def close(self) -> None:
            self.closed = True

    made: list[Seen] = []

    def observe(active: Callable[[], int]) -> Seen:
        made.append(Seen(active))
        return made[-1]

    run(FakeTarget(after(0.05)), replace(OPEN, warm_up=1), hooks=Hooks(observe=observe))
    (seen,) = made
    assert len(seen.records) == 1000
    assert {(name, error) for name, _, _, error, _ in seen.records} == {("tools/call add", None)}
    assert {round(response, 6) for _, response, _, _, _ in seen.records} == {0.05}
    assert max(active for *_, active in seen.records) == pytest.approx(5, abs=1)
    assert seen.closed


def test_hooks_that_raise_cost_nothing_of_the_result() -> None:
    class Broken:
        def record(self, operation: str, **_more: Any) -> None:
            raise ValueError

        def close(self) -> None:
            raise ValueError

    def broken(_given: object) -> None:
        raise ValueError

    hooks = Hooks(on_tick=broken, on_remembered=broken, observe=lambda _active: Broken())
    result = run(FakeTarget(after(0.05)), OPEN, hooks=hooks)
    assert result.operations[0].count == 1000
    assert len(result.sample) == 500


def test_a_replay_that_is_over_leaves_the_rest_of_the_test_quiet() -> None:
    target = FakeTarget()
    result = run(target, replace(OPEN, arrivals=Replay((0.0, 0.25, 3.0))))
    begin = began_s(target)
    assert [call.at_s - begin for call in target.calls] == pytest.approx([0, 0.25, 3.0])
    assert result.duration_s == pytest.approx(10)


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (replace(OPEN, duration=0), "The duration is 0"),
        (replace(OPEN, warm_up=-1), "The warm-up is -1"),
        (replace(OPEN, concurrent_users=0), "A test with 0 users does nothing"),
        (replace(OPEN, workers=0), "A test with 0 workers does nothing"),
        (replace(OPEN, test_scenarios=(Scenario("s", ()),)), "Scenario 's' has no steps"),
        (replace(OPEN, test_scenarios=(Scenario("s", ADD.steps, weight=0),)), "Scenario 's' has the weight 0"),
        (replace(OPEN, test_scenarios=(Scenario("s", (Step("tools/cal"),)),)), "Step 1 of scenario 's' has the method"),
        (replace(OPEN, test_scenarios=(Scenario("s", (Step(think=(2, 1)),)),)), "thinks for (2, 1) seconds"),
        (replace(OPEN, test_scenarios=(Scenario("s", (Step(timeout=0),)),)), "has the timeout 0"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(config: LoadTestConfig, part: str) -> None:
    target = FakeTarget()
    with pytest.raises(LoadError) as raised:
        run(target, config)
    assert part in str(raised.value)
    assert target.asked == 0


def test_a_share_without_a_user_is_refused() -> None:
    with pytest.raises(LoadError, match="2 workers are too many for 1 user: each takes at least one of them"):
        run(FakeTarget(), OPEN, share=Share(0, 2))
