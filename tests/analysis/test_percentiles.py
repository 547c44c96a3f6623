from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.analysis.percentiles import latency, nearest_rank


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (90, 90), (99, 99), (99.1, 100), (100, 100), (0.5, 1), (1, 1)]
)
def test_nearest_rank_of_one_to_a_hundred(percent: float, expected: int) -> None:
    assert nearest_rank(range(1, 101), percent) == expected


def test_of_a_single_value_every_percentile_is_that_value() -> None:
    assert {nearest_rank([7.0], percent) for percent in (1, 50, 99, 100)} == {7.0}


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_what_has_no_percentile(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        nearest_rank(values, percent)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1), st.floats(min_value=0.1, max_value=100))
def test_enough_values_are_at_or_below_a_percentile_and_no_smaller_one_would_do(
    values: list[float], percent: float
) -> None:
    ordered = sorted(values)
    found = nearest_rank(ordered, percent)
    assert found in ordered
    needed = len(ordered) * percent / 100
    assert sum(value <= found for value in ordered) >= needed - 1e-9
    assert sum(value < found for value in ordered) < needed + 1e-9


def test_below_a_hundred_values_p99_is_the_slowest() -> None:
    few, enough = latency(range(99)), latency(range(100))
    assert (few.p99_is_max, few.p99_s) == (True, few.max_s)
    assert (enough.p99_is_max, enough.p99_s, enough.max_s) == (False, 98, 99)
