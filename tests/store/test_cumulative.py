from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.store.cumulative import joined, running_total
from groundhog_otel.store.model import Buckets, Point
from groundhog_otel.store.otlp import HistogramSample
from tests.support.recorded import CLIENT


def _sample(time_ns: int, *counts: int, start_ns: int = 1, delta: bool = False, total: float = 0.0) -> HistogramSample:
    return HistogramSample("m", "s", CLIENT, (), (0.5,), start_ns, delta, Buckets(time_ns, sum(counts), total, counts))


def test_a_cumulative_stream_stays_as_it_is() -> None:
    samples = [_sample(10, 1, 0, total=0.1), _sample(20, 2, 3, total=0.3)]
    assert joined(reversed(samples)) == tuple(sample.buckets for sample in samples)


def test_a_delta_stream_is_added_up() -> None:
    samples = [
        _sample(10, 1, 0, total=0.5, delta=True),
        _sample(20, 2, 3, total=2.0, delta=True, start_ns=10),
        _sample(30, 0, 0, delta=True, start_ns=20),
    ]
    assert joined(samples) == (Buckets(10, 1, 0.5, (1, 0)), Buckets(20, 6, 2.5, (3, 3)), Buckets(30, 6, 2.5, (3, 3)))


def test_a_process_of_the_same_pid_that_starts_later_goes_on_from_there() -> None:
    samples = [_sample(10, 1, 4, total=3.0), _sample(30, 2, 0, total=0.5, start_ns=20)]
    assert joined(samples)[-1] == Buckets(30, 7, 3.5, (3, 4))


def test_processes_of_the_same_pid_at_the_same_time_are_taken_together() -> None:
    samples = [
        _sample(10, 1, 0, start_ns=1),
        _sample(11, 10, 0, start_ns=2),
        _sample(20, 2, 0, start_ns=1),
        _sample(20, 20, 1, start_ns=2),
    ]
    assert [(one.time_ns, one.counts) for one in joined(samples)] == [(10, (1, 0)), (11, (11, 0)), (20, (22, 1))]


def test_a_stream_that_does_not_say_when_it_began_may_begin_anew() -> None:
    samples = [
        _sample(time_ns, count, 0, start_ns=0) for time_ns, count in ((10, 5), (20, 7), (30, 1), (40, 2), (50, 1))
    ]
    assert [one.count for one in joined(samples)] == [5, 7, 8, 9, 10]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_delta_and_cumulative_writers_say_the_same(grown: list[tuple[int, int, int]]) -> None:
    delta = [_sample(at, low, high, total=float(total), delta=True) for at, (low, high, total) in enumerate(grown)]
    lows, highs, totals = (list(accumulate(column)) for column in zip(*grown, strict=True))
    cumulative = [
        _sample(at, low, high, total=float(total))
        for at, (low, high, total) in enumerate(zip(lows, highs, totals, strict=True))
    ]
    assert joined(delta) == joined(cumulative) == tuple(sample.buckets for sample in cumulative)


def test_delta_points_are_added_up_by_time() -> None:
    assert running_total([Point(20, 2.5), Point(10, 1.0)]) == (Point(10, 1.0), Point(20, 3.5))
