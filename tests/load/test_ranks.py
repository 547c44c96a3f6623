from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from groundhog_otel.load.judgement.counts import Counts
from groundhog_otel.load.judgement.ranks import mann_whitney
from tests.load.made import histogram

_VALUES = st.lists(st.sampled_from([0.001, 0.002, 0.003, 0.005, 0.05]), min_size=2, max_size=40)


@given(_VALUES, _VALUES)
def test_it_is_the_test_of_scipy_ties_included(first: list[float], second: list[float]) -> None:
    slices = Counts.of([histogram(first), histogram(second)]).slices
    found = mann_whitney(slices[0], slices[1])
    assert found.chance_slower == pytest.approx(np.mean([(b > a) + (a == b) / 2 for a in first for b in second]))
    if len({*first, *second}) > 1:
        expected = stats.mannwhitneyu(second, first, method="asymptotic")
        assert found.p == pytest.approx(float(expected.pvalue))
    else:
        assert found.p == 1.0


def test_ten_million_requests_do_not_overflow() -> None:
    bins = np.array([5_000_000, 5_000_000])
    found = mann_whitney(bins, bins + np.array([-50_000, 50_000]))
    assert found.chance_slower == pytest.approx(0.5025)
    assert found.p < 1e-6


def test_nothing_tells_nothing() -> None:
    nothing = np.array([0, 0])
    assert mann_whitney(nothing, nothing).p == 1.0
