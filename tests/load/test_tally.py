from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.load.engine.tally import HIGHEST_US, Tally
from groundhog_otel.load.errors import LoadError

VALUES_US = st.lists(st.integers(1, HIGHEST_US) | st.integers(1, 5000))


def _tally(values_us: list[int]) -> Tally:
    tally = Tally()
    for value in values_us:
        tally.add_ns(value * 1000)
    return tally


@given(VALUES_US)
def test_it_is_what_the_library_counts_to_the_last_byte(values_us: list[int]) -> None:
    histogram = HdrHistogram(1, HIGHEST_US, 3)
    for value in values_us:
        histogram.record_value(value)
    assert _tally(values_us).encode().encode() == histogram.encode()


@given(VALUES_US)
def test_encoding_loses_nothing(values_us: list[int]) -> None:
    tally = _tally(values_us)
    assert Tally.decode(tally.encode()) == tally
    assert tally.count == len(values_us)


@given(VALUES_US, VALUES_US)
def test_including_another_is_counting_both(one: list[int], other: list[int]) -> None:
    both = _tally(one)
    both.include(_tally(other))
    assert both == _tally(one + other)


@given(VALUES_US.filter(bool), st.sampled_from([1, 50, 90, 99, 99.9, 100]))
def test_percentiles_are_the_largest_value_that_counts_as_the_same(values_us: list[int], percent: float) -> None:
    (found_s,) = _tally(values_us).percentiles_s(percent)
    rank = max(-(-len(values_us) * round(percent * 10) // 1000), 1)
    exact_us = sorted(values_us)[rank - 1]
    assert exact_us <= round(found_s * 1e6) <= exact_us * 1.001


def test_what_is_out_of_bounds_is_counted_at_them() -> None:
    tally = Tally()
    for nanoseconds in (-5_000, 0, 499, 7_200 * 10**9):
        tally.add_ns(nanoseconds)
    assert tally.count == 4
    assert tally[1] == 3
    assert Tally.decode(tally.encode()) == tally


def test_nothing_has_no_percentiles() -> None:
    assert Tally().percentiles_s(50, 99) == (0.0, 0.0)


@pytest.mark.parametrize("text", ["", "x", "SGVsbG8gd29ybGQsIHRoaXMgaXMgbm8gaGlzdG9ncmFt"])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(LoadError):
        Tally.decode(text)


def test_another_layout_is_refused() -> None:
    text = HdrHistogram(1, 1000, 2).encode().decode()
    with pytest.raises(LoadError, match="layout"):
        Tally.decode(text)
