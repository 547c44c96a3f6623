"""Whether a row of numbers grows with the calls, and steadily."""

from __future__ import annotations

import random
from array import array

import pytest

from groundhog_otel.profiling.memory.leaks.growth import growth_of
from groundhog_otel.profiling.memory.leaks.history import Columns

CALLS = list(range(0, 1000, 100))


def test_what_grows_by_the_same_with_every_call_is_steady() -> None:
    found = growth_of([5000 + 1024 * calls for calls in CALLS], CALLS)
    assert [found.per_call, found.low, found.high] == [1024] * 3
    assert list(found.thirds) == [1024] * 3
    assert found.steady


def test_noise_widens_the_interval_and_leaves_the_slope() -> None:
    noise = random.Random(7)
    found = growth_of([1024 * calls + noise.randrange(100_000) for calls in CALLS], CALLS)
    assert found.certain
    assert found.low < 1024 < found.high
    assert found.low < found.high


def test_noise_alone_is_no_growth() -> None:
    noise = random.Random(3)
    for _ in range(20):
        found = growth_of([noise.randrange(100_000) for _ in CALLS], CALLS)
        assert not found.steady


@pytest.mark.parametrize(
    "values",
    [
        [0, 100, 200, 300, 400, 400, 400, 400, 400, 400],  # a cache that has filled up
        [0, 0, 0, 0, 0, 0, 900, 900, 900, 900],  # a module that was loaded
        [0, 0, 0, 800, 800, 800, 2400, 2400, 2400, 2400],  # a table that has doubled
        [900, 800, 700, 600, 500, 400, 300, 200, 100, 0],
        [7] * 10,
    ],
)
def test_what_stops_or_jumps_is_not_steady(values: list[int]) -> None:
    assert not growth_of(values, CALLS).steady


def test_too_few_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="5 windows are too few to tell; 6 are needed"):
        growth_of([1] * 6, list(range(6)))


def test_columns_begin_with_nought_and_stay_as_long_as_each_other() -> None:
    columns: Columns[str] = Columns()
    columns.add({"a": (1, 10)})
    columns.add({"a": (2, 20), "b": (1, 5)})
    columns.add({"b": (1, 7)})
    assert dict(columns.grown()) == {"b": array("q", [0, 5, 7])}
    assert [list(one) for one in columns.columns()] == [[10, 20, 0], [0, 5, 7]]
