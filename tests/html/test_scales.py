from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.html.scales import linear, logarithmic, nines

LATENCIES = st.lists(st.floats(1e-6, 3_600), min_size=1, max_size=20)
RATES = st.lists(st.just(0.0) | st.floats(1e-9, 1e6), max_size=20)


@given(LATENCIES)
def test_a_logarithmic_axis_holds_all_values_between_round_numbers(values: list[float]) -> None:
    scale = logarithmic(values, "{:g}".format)
    assert scale.low <= min(values) * (1 + 1e-6)
    assert scale.high >= max(values) * (1 - 1e-6)
    assert scale.low < scale.high
    assert 1 <= len(scale.ticks) <= 10
    places = [scale.at(value) for value, _ in scale.ticks]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)


@given(RATES, st.booleans())
def test_a_linear_axis_begins_at_0_and_its_steps_are_even(values: list[float], to_data: bool) -> None:
    scale = linear(values, "{:g}".format, to_data=to_data)
    assert scale.low == 0
    assert scale.high >= max(values, default=0) * (1 - 1e-9)
    steps = [after - before for (before, _), (after, _) in pairwise(scale.ticks)]
    assert len(steps) <= 12
    assert max(steps, default=0) - min(steps, default=0) <= 1e-6 * scale.high


def test_on_the_axis_of_percentiles_every_nine_takes_the_same_room() -> None:
    scale = nines(1_000_000)
    assert [label for _, label in scale.ticks] == ["p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999"]
    places = [scale.at(value) for value, _ in scale.ticks[1:]]
    gaps = [after - before for before, after in pairwise(places)]
    assert max(gaps) - min(gaps) < 1e-6
    assert [label for _, label in nines(300).ticks] == ["p50", "p90", "p99"]
    assert nines(0).at(100) == 1


def test_ticks_are_numbers_that_people_use() -> None:
    assert [value for value, _ in logarithmic([0.004, 0.9], str).ticks] == [
        0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0
    ]  # fmt: skip
    assert [value for value, _ in logarithmic([0.0004, 0.9], str).ticks] == [0.001, 0.01, 0.1, 1.0]
    assert [label for _, label in linear([297.0], "{:g}".format).ticks] == [
        "0",
        "50",
        "100",
        "150",
        "200",
        "250",
        "300",
    ]
    assert [label for _, label in linear([], "{:g}".format, most=2).ticks] == ["0", "0.5", "1"]
