from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from groundhog_otel.load.judgement.percentiles import PERCENTS, Estimate, TooFew, estimate, needed
from tests.load.made import encoded, histogram

_TRIALS = 300


def _share(count: int) -> float:
    return count / _TRIALS


@pytest.mark.parametrize(("percent", "count"), [(50.0, 40), (90.0, 200), (99.0, 500), (99.0, 3000), (99.9, 4000)])
def test_the_interval_holds_the_truth_as_often_as_it_says(percent: float, count: int) -> None:
    generator = np.random.default_rng(1)
    truth_s = 0.01 * float(stats.lognorm.ppf(percent / 100, 0.8))
    below = above = 0
    for _ in range(_TRIALS):
        found = estimate(histogram(0.01 * generator.lognormal(0, 0.8, count)), percent)
        assert isinstance(found, Estimate)
        assert found.low_s <= found.value_s <= found.high_s
        below, above = below + (found.high_s < truth_s), above + (found.low_s > truth_s)
    # Order statistics come in steps, so the share is 95 % or more; three standard deviations of it are 0.038.
    assert 1 - _share(below + above) > 0.95 - 0.038
    assert _share(below) < 0.025 + 0.027
    assert _share(above) < 0.025 + 0.027


def test_more_requests_than_needed_make_it_narrow_and_it_does_not_cover_everything() -> None:
    generator = np.random.default_rng(2)
    few, many = (estimate(histogram(generator.lognormal(-5, 1, count)), 99.0) for count in (400, 40_000))
    assert isinstance(few, Estimate)
    assert isinstance(many, Estimate)
    assert (many.high_s - many.low_s) * 4 < few.high_s - few.low_s


@pytest.mark.parametrize("percent", PERCENTS)
def test_a_percentile_with_too_few_requests_is_refused(percent: float) -> None:
    least = needed(percent)
    assert estimate(histogram([0.001] * (least - 1)), percent) == TooFew(needed=least, count=least - 1)
    assert isinstance(estimate(histogram([0.001] * least), percent), Estimate)
    # What "needed" means: with one less, all of them are below the true percentile too often.
    share = max(percent, 100 - percent) / 100
    assert share**least <= 0.025 < share ** (least - 1)


def test_p999_of_500_requests() -> None:
    assert estimate(encoded(np.linspace(0.001, 0.1, 500)), 99.9) == TooFew(needed=3688, count=500)


def test_the_interval_reaches_the_largest_value_where_just_enough_requests_are_there() -> None:
    found = estimate(encoded(np.linspace(0.001, 0.368, 368)), 99.0)
    assert isinstance(found, Estimate)
    assert found.high_s == pytest.approx(0.368, rel=0.001)
    assert found.value_s == pytest.approx(0.365, rel=0.001)


def test_neighbours_that_are_alike_widen_the_interval_to_what_holds_the_truth() -> None:
    """Each window has a pace of its own: requests of 30 windows are 30 draws of it, not 3000."""
    generator, trials = np.random.default_rng(3), 150
    truth_s = 0.01 * float(stats.lognorm.ppf(0.99, (0.3**2 + 0.3**2) ** 0.5))
    alone = together = wider = 0
    for _ in range(trials):
        paces = generator.lognormal(0, 0.3, 30)
        windows = [histogram(0.01 * pace * generator.lognormal(0, 0.3, 100)) for pace in paces]
        whole = histogram([])
        for window in windows:
            whole.add(window)
        naive, blocked = estimate(whole, 99.0), estimate(whole, 99.0, windows=windows)
        assert isinstance(naive, Estimate)
        assert isinstance(blocked, Estimate)
        alone += naive.low_s <= truth_s <= naive.high_s
        together += blocked.low_s <= truth_s <= blocked.high_s
        wider += blocked.by_blocks
        assert blocked.low_s <= naive.low_s
        assert naive.high_s <= blocked.high_s
    assert alone / trials < 0.7
    assert together / trials > 0.95 - 0.053  # three standard deviations
    assert wider / trials > 0.95


def test_independent_requests_keep_an_interval_that_is_hardly_wider() -> None:
    generator, ratios = np.random.default_rng(4), []
    for _ in range(40):
        windows = [histogram(generator.lognormal(-5, 0.4, 100)) for _ in range(30)]
        whole = histogram([])
        for window in windows:
            whole.add(window)
        naive, blocked = estimate(whole, 90.0), estimate(whole, 90.0, windows=windows)
        assert isinstance(naive, Estimate)
        assert isinstance(blocked, Estimate)
        ratios.append((blocked.high_s - blocked.low_s) / (naive.high_s - naive.low_s))
    assert np.median(ratios) < 1.35


def test_a_few_windows_are_too_few_to_draw_from() -> None:
    windows = [encoded([0.001 * (number + 1)] * 100) for number in range(9)]
    whole = encoded([0.001 * (number + 1) for number in range(9) for _ in range(100)])
    assert estimate(whole, 50.0, windows=windows) == estimate(whole, 50.0)


@pytest.mark.parametrize(("percent", "confidence"), [(0, 0.95), (100, 0.95), (-1, 0.95), (99, 1.0), (99, 0.0)])
def test_out_of_bounds(percent: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 100"):
        estimate(histogram([0.001]), percent, confidence=confidence)


def test_more_confidence_takes_more_requests() -> None:
    assert needed(99.0, confidence=0.99) > needed(99.0) > needed(99.0, confidence=0.9)


def test_a_few_requests_in_few_of_the_windows_have_an_interval() -> None:
    """As of a server that hangs: drawing windows at random often draws none with a request."""
    values_s = [0.002, 0.003, 0.009, 1.0, 1.01, 1.02]
    windows = [encoded(values_s[:3]), *([encoded([])] * 8), *(encoded([value]) for value in values_s[3:])]
    found = estimate(histogram(values_s), 50.0, windows=windows)
    assert isinstance(found, Estimate)
    assert found.low_s <= found.value_s <= found.high_s
    assert found.high_s == pytest.approx(1.02, rel=0.02)
