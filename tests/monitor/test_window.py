"""Percentiles of a window: exact while few, within their stated error when many, and gone when they are old."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.percentiles import latency, nearest_rank
from groundhog_otel.monitor.window import EXACT, PRECISION, SLICES, Reading, Window, bucket, middle

DURATIONS = st.floats(1e-9, 1e5)
CALLS = st.lists(st.tuples(st.floats(0, 300), DURATIONS, st.sampled_from([None, None, "timeout", "tool_error"])))


@settings(deadline=None)
@given(DURATIONS)
def test_the_middle_of_a_bucket_is_near_everything_in_it(duration_s: float) -> None:
    assert abs(middle(bucket(duration_s)) - duration_s) <= duration_s * PRECISION * 1.0001


@settings(deadline=None)
@given(DURATIONS, DURATIONS)
def test_buckets_are_in_the_order_of_their_durations(one: float, other: float) -> None:
    assert (bucket(one) <= bucket(other)) == (one <= other) or bucket(one) == bucket(other)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 1e-12])
def test_what_takes_no_time_has_a_bucket_too(duration_s: float) -> None:
    assert bucket(duration_s) == bucket(1e-9)


@settings(deadline=None)
@given(st.lists(DURATIONS, min_size=1, max_size=EXACT))
def test_few_are_exact(durations_s: list[float]) -> None:
    window = Window(60)
    for duration_s in durations_s:
        window.add(1000, duration_s)
    found, exact = window.read(1001), latency(durations_s)
    assert (found.count, found.p50_s, found.p90_s, found.p99_s, found.max_s, found.precision) == (
        exact.count, exact.p50_s, exact.p90_s, exact.p99_s, exact.max_s, 0.0,
    )  # fmt: skip


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(EXACT + 1, 1500), st.floats(0.1, 3))
def test_many_are_within_their_error(seed: int, count: int, spread: float) -> None:
    chance = random.Random(seed)
    durations_s = sorted(chance.lognormvariate(-4, spread) for _ in range(count))
    window = Window(60)
    for duration_s in chance.sample(durations_s, count):
        window.add(1000, duration_s)
    found = window.read(1000)
    assert found.precision == PRECISION
    assert found.max_s == durations_s[-1]
    for value, percent in ((found.p50_s, 50), (found.p90_s, 90), (found.p99_s, 99)):
        assert value == pytest.approx(nearest_rank(durations_s, percent), rel=PRECISION * 1.0001)


@settings(deadline=None)
@given(CALLS, st.floats(0, 400))
def test_what_is_old_is_as_if_it_had_never_been(calls: list[tuple[float, float, str | None]], later_s: float) -> None:
    calls.sort(key=lambda call: call[0])
    now_s = max([later_s, *(at_s for at_s, _, _ in calls)])
    window, fresh = Window(60), Window(60)
    slice_s = 60 / SLICES
    for at_s, duration_s, error in calls:
        window.add(at_s, duration_s, error)
        if at_s // slice_s > now_s // slice_s - SLICES:
            fresh.add(at_s, duration_s, error)
    found = window.read(now_s)
    assert found == fresh.read(now_s)
    assert found.count == sum(at_s // slice_s > now_s // slice_s - SLICES for at_s, _, _ in calls)


@settings(deadline=None)
@given(CALLS)
def test_nothing_is_left_of_a_window_that_is_over(calls: list[tuple[float, float, str | None]]) -> None:
    window = Window(60)
    for call in sorted(calls, key=lambda call: call[0]):
        window.add(*call)
    assert window.read(1000) == Reading(0, {})
    assert not window._counts
    assert not window._errors
    assert not window._slices


def test_one_that_comes_late_is_counted_where_it_belongs() -> None:
    window = Window(60)
    window.add(100, 1.0)
    window.add(70, 2.0)
    window.add(10, 3.0)  # before the window
    assert window.read(100).count == 2
    assert window.read(130).max_s == 1.0


def test_errors_are_counted_by_type_the_most_frequent_first_and_not_without_bound() -> None:
    window = Window(60)
    for number in range(100):
        window.add(0, 1.0, f"error {number}")
    window.add(0, 1.0, "error 3")
    errors = window.read(0).errors
    assert sum(errors.values()) == 101
    assert errors["_OTHER"] == 80
    assert Counter(errors)["error 3"] == 2
    assert len(errors) == 21


def test_a_window_does_not_grow_with_the_calls() -> None:
    window = Window(60)
    for number in range(50_000):
        window.add(number / 1000, 0.001 + (number % 1000) / 1000)
    assert len(window._counts) <= 64 * 11
    assert len(window._values) == EXACT
    assert len(window._slices) <= SLICES
