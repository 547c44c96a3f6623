from __future__ import annotations

from dataclasses import replace

import pytest

from groundhog_otel.load.reporting.figures import curve, figures
from tests.load.reporting import made


def test_response_and_service_part_where_requests_queued() -> None:
    numbers = figures(made.report(made.result(stall_at_s=12)))
    search = numbers.operations[0]
    assert (search.name, numbers.count) == (made.SEARCH, sum(one.count for one in numbers.operations))
    assert search.queueing is not None
    assert search.queueing > 10
    calm = figures(made.report(made.result(stall_at_s=None))).operations[0]
    assert calm.queueing == pytest.approx(1, abs=0.05)


def test_a_percentile_of_too_few_requests_has_no_value_and_says_how_many_it_takes() -> None:
    listed = figures(made.report()).operations[-1]
    assert [one.value_s is None for one in listed.response] == [False, False, False, True, True, True]
    assert listed.response[3].needed == 368


def test_a_curve_has_the_values_of_its_histogram() -> None:
    encoded = made.histogram([number / 1000 for number in range(1, 1001)])
    drawn = curve(encoded)
    assert 60 < len(drawn) <= 121
    assert drawn == sorted(drawn)
    for percent, value_s in drawn[:-1]:
        assert value_s == pytest.approx(percent / 100, rel=0.002)
    assert drawn[-1] == pytest.approx((99.95, 1.0), rel=0.001)
    assert curve(made.histogram([])) == []
    assert curve(made.histogram([0.5])) == [pytest.approx((50, 0.5), rel=0.001)]


def test_a_result_without_requests_has_figures_all_the_same() -> None:
    empty = replace(made.result(), operations=(), windows=(), slowest=(), sample=(), duration_s=0.0)
    numbers = figures(made.report(empty))
    assert (numbers.count, numbers.rate, numbers.operations) == (0, 0.0, ())
