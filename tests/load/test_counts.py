from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.judgement.counts import Counts, rank
from tests.load.made import encoded, histogram

_US = st.integers(1, 3_000_000_000)


@given(st.lists(_US, min_size=1, max_size=50))
def test_bins_are_those_of_the_library(values_us: list[int]) -> None:
    made = histogram([value / 1e6 for value in values_us])
    counts = Counts.of([made])
    lows = sorted({made.get_lowest_equivalent_value(value) for value in values_us})
    highs = sorted({made.get_highest_equivalent_value(value) for value in values_us})
    assert np.rint(counts.low_s * 1e6).tolist() == lows
    assert np.rint(counts.high_s * 1e6).tolist() == highs
    assert counts.total == len(values_us)
    assert counts.max_s == pytest.approx(made.get_max_value() / 1e6)


@given(st.lists(_US, min_size=1, max_size=50), st.sampled_from([1.0, 50.0, 90.0, 99.0, 99.9]))
def test_a_percentile_is_the_value_of_nearest_rank(values_us: list[int], percent: float) -> None:
    exact = sorted(values_us)[rank(len(values_us), percent) - 1]
    assert Counts.of([histogram([value / 1e6 for value in values_us])]).at(percent) == pytest.approx(
        exact / 1e6, rel=0.001
    )


@pytest.mark.parametrize(("percent", "expected"), [(99.9, 999), (50.0, 500), (99.99, 1000), (0.0001, 1), (99.0, 990)])
def test_ranks_are_not_off_by_one_for_floating_point(percent: float, expected: int) -> None:
    assert rank(1000, percent) == expected


def test_slices_keep_their_own_counts_and_neighbours_are_taken_together() -> None:
    counts = Counts.of([encoded([0.001] * (number + 1)) for number in range(7)] + [None])
    assert counts.slices[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 0]
    assert counts.blocks(4).slices[:, 0].tolist() == [3, 7, 11, 7]
    assert counts.blocks(3).total == counts.total
    assert counts.blocks(8) is counts


def test_what_is_above_a_bound() -> None:
    counts = Counts.of([encoded([0.010, 0.0500, 0.0502, 0.2])])
    assert counts.above(0.050) == 2
    assert counts.above(0.2) == 0
    assert counts.above(0.001) == 4


def test_nothing_was_counted() -> None:
    counts = Counts.of([encoded([])])
    assert (counts.total, counts.max_s, counts.at(99), counts.above(0)) == (0, 0.0, 0.0, 0)
    assert Counts.of([]).total == 0


def test_another_layout_is_refused() -> None:
    with pytest.raises(LoadError, match=r"\(1, 1000, 2\).*is the file one of theirs"):
        Counts.of([HdrHistogram(1, 1000, 2)])
