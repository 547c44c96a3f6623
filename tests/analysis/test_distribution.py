from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.distribution import PER_DECADE, distribution


def test_a_budget_that_is_exactly_met_is_below_its_edge() -> None:
    (one,) = distribution([0.05])
    assert abs(one.high_s - 0.05) < 1e-9
    (beyond,) = distribution([0.0500001])
    assert abs(beyond.low_s - 0.05) < 1e-9


def test_classes_between_are_there_though_they_are_empty() -> None:
    found = distribution([0.001, 0.1])
    assert len(found) == 2 * PER_DECADE + 1
    assert [one.count for one in found if one.count] == [1, 1]


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=1e5), max_size=50))
def test_every_duration_is_in_the_class_that_holds_it(durations_s: list[float]) -> None:
    found = distribution(durations_s)
    assert sum(one.count for one in found) == len(durations_s)
    for before, after in pairwise(found):
        assert before.high_s == after.low_s
    for one in durations_s:
        assert any(
            each.low_s * (1 - 1e-6) <= max(one, 1e-6) <= each.high_s * (1 + 1e-6) and each.count for each in found
        )
