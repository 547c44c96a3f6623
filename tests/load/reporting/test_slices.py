from __future__ import annotations

from dataclasses import replace

import pytest

from groundhog_otel.load.reporting.slices import slices
from tests.load.reporting import made


def test_slices_hold_every_request_however_few_they_are() -> None:
    result = made.result()
    for most in (120, 60, 7, 1):
        taken = slices(result, most)
        assert len(taken) <= most
        assert sum(one.count for one in taken) == sum(one.count for one in result.windows)
        assert sum(one.length_s for one in taken) == pytest.approx(30)
        assert sum(one.due_rate * one.length_s for one in taken) == pytest.approx(9028)
    (whole,) = slices(result, 1)
    assert whole.max_s == pytest.approx(result.slowest[0].response_s, rel=0.001)


def test_a_result_without_windows_has_no_slices() -> None:
    assert slices(replace(made.result(), windows=())) == ()
