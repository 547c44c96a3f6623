from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.analysis.concurrency import under_way
from groundhog_otel.store.model import Span
from tests.support.recorded import span


def _spans(times: list[tuple[int, int]]) -> list[Span]:
    return [span(own=own, at_ms=at, ms=ms) for own, (at, ms) in enumerate(times, 1)]


def test_a_span_counts_itself_and_others_for_the_time_that_they_share() -> None:
    alone, half, both = under_way(_spans([(0, 10), (20, 20), (30, 10)]))
    assert (alone, half, both) == (1, 1.5, 2)


def test_a_span_without_duration_counts_those_at_its_moment() -> None:
    assert under_way(_spans([(0, 10), (5, 0), (20, 0)])) == [1, 2, 1]
    assert under_way([]) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=30))
def test_it_is_the_sum_of_all_overlaps(times: list[tuple[int, int]]) -> None:
    spans = _spans(times)
    for one, found in zip(spans, under_way(spans), strict=True):
        shared = sum(max(min(one.end_ns, other.end_ns) - max(one.start_ns, other.start_ns), 0) for other in spans)
        assert found == pytest.approx(shared / (one.end_ns - one.start_ns))
