"""The slope and its interval, held to SciPy's; and the points that it is made of, which are never too many."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import theilslopes

from groundhog_otel.monitor.trend import Series, theil_sen

POINTS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(-1000, 1000)),
    min_size=5,
    max_size=40,
    unique_by=lambda point: point[0],
).map(lambda points: sorted((float(at_s), float(value)) for at_s, value in points))


@settings(deadline=None)
@given(POINTS)
def test_it_is_scipys(points: list[tuple[float, float]]) -> None:
    found = theil_sen(points)
    known = theilslopes([value for _, value in points], [at_s for at_s, _ in points], 0.95)
    assert found is not None
    assert (found.per_hour, found.low, found.high) == pytest.approx(
        tuple(float(one) * 3600 for one in (known[0], known[2], known[3])), rel=1e-9, abs=1e-9
    )
    assert found.low <= found.per_hour <= found.high
    assert found.over_s == points[-1][0] - points[0][0]


@settings(deadline=None)
@given(POINTS, st.floats(-100, 100))
def test_tilting_the_points_tilts_the_slope(points: list[tuple[float, float]], tilt: float) -> None:
    before = theil_sen(points)
    after = theil_sen([(at_s, value + tilt * at_s) for at_s, value in points])
    assert before is not None
    assert after is not None
    assert after.per_hour == pytest.approx(before.per_hour + tilt * 3600, rel=1e-6, abs=1e-3)


def test_one_peak_moves_nothing() -> None:
    line = [(float(number), 2.0 * number) for number in range(20)]
    peaked = [(at_s, 1e9 if at_s == 7 else value) for at_s, value in line]
    found = theil_sen(peaked)
    assert found is not None
    assert found.per_hour == pytest.approx(7200)
    assert found.certain


def test_noise_is_not_certain_and_growth_is() -> None:
    still = theil_sen([(float(number), float(number * 7919 % 13)) for number in range(40)])
    grows = theil_sen([(float(number), number + float(number * 7919 % 13)) for number in range(40)])
    assert still is not None
    assert grows is not None
    assert (still.certain, grows.certain) == (False, True)


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)] * 9, [(float(number), 1.0) for number in range(4)]])
def test_of_too_few_there_is_none(points: list[tuple[float, float]]) -> None:
    assert theil_sen(points) is None


@settings(deadline=None)
@given(st.integers(1, 20_000))
def test_a_series_of_any_length_is_small_and_keeps_its_slope(count: int) -> None:
    series = Series()
    for number in range(count):
        series.add(number * 5.0, 3.0 * number)
    assert len(series) <= 64
    assert len(series._thin) <= 64
    assert series.since(count * 5.0 - 5)[-1] == 3.0 * (count - 1)
    assume(count >= 5)
    trend = series.trend()
    assert trend is not None
    assert trend.per_hour == pytest.approx(3.0 / 5 * 3600)
    assert trend.over_s >= (count - 1) * 5.0 / 2


def test_a_series_returns_what_is_recent_and_at_least_the_latest() -> None:
    series = Series()
    assert series.since(0) == []
    for number in range(1000):
        series.add(float(number), float(number))
    assert series.since(997) == [997.0, 998.0, 999.0]
    assert series.since(5000) == [999.0]
    everything = series.since(0)
    assert everything[0] == 0.0
    assert everything == sorted(set(everything))
