from __future__ import annotations

import tracemalloc
from itertools import pairwise
from random import Random

import pytest

from groundhog_otel.load.engine.recorder import MOST_KINDS, Flight, Recorder
from groundhog_otel.load.engine.remembered import SAMPLE, SLOWEST, Remembered
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.engine.windows import Windows, window_count
from groundhog_otel.load.plan import Step
from groundhog_otel.load.results.result import Request
from groundhog_otel.load.session import Answer
from tests.load.fake import VirtualClock, VirtualLoop

STEP = Step(target="add")


def recorder(duration_s: float = 100.0) -> Recorder:
    loop = VirtualLoop()
    clock = VirtualClock(loop)
    loop.close()
    return Recorder(clock, from_ns=0, duration_s=duration_s, seed="0")


def record(into: Recorder, at_s: float, took_s: float, answer: Answer = Answer({})) -> None:  # noqa: B008 - immutable
    due_ns = round(at_s * 1e9)
    into.due(due_ns)
    flight = Flight("s", STEP, STEP.name, due_ns, "0" * 32, "0" * 16, due_ns)
    into.ended(flight, due_ns + round(took_s * 1e9), answer)


def request(number: int, took_ns: int = 1000) -> Request:
    return Request("tools/call add", "s", f"{number:032x}", f"{number:016x}", 0, 0, None, None, took_ns)


@pytest.mark.parametrize("duration_s", [0.05, 0.7, 3, 59.5, 100, 3600, 86_400])
def test_windows_grow_in_length_and_not_in_number(duration_s: float) -> None:
    windows = Windows(duration_s)
    draw = Random(1)
    for _ in range(2000):
        at_s = draw.uniform(0, duration_s * 1.2)
        windows.due(min(at_s, duration_s * 0.999))
        windows.ended(at_s, "add", 1_000_000, failed=at_s > duration_s / 2)
    found = windows.result(duration_s)
    assert len(found) == window_count(duration_s) + 1 <= 101
    assert sum(one.count for one in found) == sum(one.due for one in found) == 2000
    assert sum(Tally.decode(one.response["add"]).count for one in found) == 2000
    for one, following in pairwise(found):
        assert one.start_s + one.length_s == pytest.approx(following.start_s)
    assert found[-1].start_s == duration_s
    assert found[-1].due == 0


def test_a_window_without_answers_is_there_all_the_same() -> None:
    windows = Windows(10)
    windows.ended(0.5, "add", 1000, failed=False)
    windows.ended(9.5, "add", 1000, failed=False)
    assert [one.count for one in windows.result(10)] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_an_interrupted_test_has_windows_until_then() -> None:
    windows = Windows(10)
    windows.ended(1.2, "add", 1000, failed=False)
    found = windows.result(2.5)
    assert [(one.start_s, one.length_s) for one in found] == [(0, 1), (1, 1), (2, 0.5)]


def test_memory_does_not_grow_with_the_number_of_requests() -> None:
    into, draw = recorder(3600), Random(2)

    def some(first: int, end: int) -> None:
        for number in range(first, end):
            answer = Answer({}) if draw.random() < 0.9 else Answer(None, "tool", f"d{draw.random()}", "m" * 1000)
            record(into, number * 0.06, draw.lognormvariate(-4, 0.5), answer)

    some(0, 30_000)
    tracemalloc.start()
    some(30_000, 60_000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / 30_000 < 40  # bytes for each: latencies that were not seen before, and nothing of a request itself
    (one,) = into.operations.values()
    assert one.count == 60_000
    assert len(one.errors) <= MOST_KINDS + 1
    assert one.errors["tool:other"] > 1000
    assert sum(one.errors.values()) == pytest.approx(6000, rel=0.1)
    assert all(len(message) <= 300 for message in one.messages.values())
    assert len(into.remembered.slowest) == SLOWEST
    assert len(into.remembered.sample) == SAMPLE


def test_the_slowest_ten_are_the_slowest_ten() -> None:
    told: list[Request] = []
    remembered, draw = Remembered("0", told.append), Random(3)
    took = [draw.randrange(10**9) for _ in range(5000)]
    for number, nanoseconds in enumerate(took):
        remembered.offer(nanoseconds, lambda number=number, nanoseconds=nanoseconds: request(number, nanoseconds))  # type: ignore[misc]
    assert [round(one.response_s * 1e9) for one in remembered.slowest] == sorted(took, reverse=True)[:10]
    assert {*remembered.slowest} <= {*told}
    assert len(told) < 2500  # 500 * (1 + ln(5000 / 500)), and some of the slowest


def test_any_request_is_as_likely_in_the_sample_as_another() -> None:
    """Each of 2000 should be in a quarter of many samples; the first as often as the last."""
    seen = [0] * 4
    rounds = 60
    for seed in range(rounds):
        remembered = Remembered(str(seed), None)
        for number in range(2000):
            remembered.offer(0, lambda number=number: request(number))  # type: ignore[misc]
        assert len(remembered.sample) == len(set(remembered.sample)) == SAMPLE
        for one in remembered.sample:
            seen[int(one.trace_id, 16) // 500] += 1
    # Of 30,000 a quarter each: the standard deviation is below 75.
    assert seen == pytest.approx([rounds * SAMPLE / 4] * 4, abs=5 * 75)
