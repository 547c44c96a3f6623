from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.detectors.contention import detect
from groundhog_otel.store.model import Span
from tests.analysis.detectors.waiting import held_up, served, waited
from tests.support.recorded import recording

LEVELS = (1, 2, 4, 8, 16)


def _ramp(takes_ms: Callable[[int], float], *, levels: Sequence[int] = LEVELS, rounds: int = 16) -> list[Span]:
    """Return calls of so many callers at a time, each round of them together, of a duration that depends on them."""
    spans: list[Span] = []
    at_ms = 0.0
    for level in levels:
        for _ in range(rounds):
            durations = [takes_ms(level) for _ in range(level)]
            spans.extend(served(own=len(spans) + n + 1, at_ms=at_ms, ms=ms) for n, ms in enumerate(durations))
            at_ms += max(durations) + 1
    return spans


def test_what_one_at_a_time_can_have() -> None:
    (found,) = detect(recording(_ramp(lambda callers: 10 * max(callers, 2))))
    assert (found.detector, found.target, found.action) == ("contention", "tools/call nap", None)
    assert found.figures["alone_ms"] == pytest.approx(20)
    assert found.figures["crowded_ms"] == pytest.approx(160)
    assert found.figures["enough_callers"] == pytest.approx(2)
    assert found.figures["highest_per_s"] == pytest.approx(100)
    # Of 31 rounds' callers, those with 4, 8 and 16 at once have waited 20, 60 and 140 ms.
    assert found.affected == 16 * 28
    assert found.impact_ms == pytest.approx((4 * 20 + 8 * 60 + 16 * 140) / 28)
    assert "16 under way" in found.evidence[0].says


def test_throughput_that_falls_has_its_knee_where_it_is_highest() -> None:
    def law(callers: int) -> float:
        return 10 * (1 + 0.1 * (callers - 1) + 0.05 * callers * (callers - 1))

    (found,) = detect(recording(_ramp(law)))
    assert found.figures["enough_callers"] == pytest.approx(4)
    assert found.figures["contention_share"] == pytest.approx(0.1, abs=0.02)
    assert found.figures["coherency_share"] == pytest.approx(0.05, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.8))
def test_a_server_that_scales_is_never_a_finding_however_its_durations_scatter(seed: int, scatter: float) -> None:
    chance = random.Random(seed)
    assert detect(recording(_ramp(lambda _: 10 * chance.lognormvariate(0, scatter)))) == []


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.3))
def test_one_that_does_not_is_found_although_its_durations_scatter(seed: int, scatter: float) -> None:
    chance = random.Random(seed)
    assert detect(recording(_ramp(lambda callers: 10 * callers * chance.lognormvariate(0, scatter))))


def test_too_few_calls_or_too_few_concurrencies_tell_nothing() -> None:
    assert detect(recording(_ramp(lambda callers: 10 * callers, levels=(1, 2, 4)))) == []
    assert detect(recording(_ramp(lambda callers: 10 * callers, levels=(16,), rounds=100))) == []
    assert detect(recording(_ramp(lambda callers: 10 * callers, rounds=5))) == []
    assert detect(recording()) == []


def test_waits_that_nobody_feels_are_no_finding() -> None:
    assert detect(recording(_ramp(lambda callers: 0.5 * callers))) != []
    assert detect(recording(_ramp(lambda callers: 0.3 * callers))) == []


def test_waits_that_have_a_name_already_are_left_out() -> None:
    spans = _ramp(lambda callers: 10 * callers)
    assert (
        detect(recording([waited(one, one.duration_s * 500) if one.duration_s > 0.02 else one for one in spans])) == []
    )
    assert detect(recording([held_up(one, at_ms=0, block_ms=100) for one in spans])) == []


def test_one_bad_moment_in_which_calls_pile_up_is_no_contention() -> None:
    chance = random.Random(1)
    sound = _ramp(lambda _: chance.uniform(8, 12))
    end_ms = max(one.end_ns for one in sound) / 1e6 - min(one.start_ns for one in sound) / 1e6
    pile = [served(own=5000 + n, at_ms=end_ms + 10 + n * 5, ms=300 - n * 5) for n in range(20)]
    assert detect(recording([*sound, *pile])) == []


def test_what_more_callers_would_gain_is_not_said_where_throughput_still_rises() -> None:
    (found,) = detect(recording(_ramp(lambda callers: 10 * callers**0.6)))
    assert found.figures["enough_callers"] == found.figures["most_callers"]
    assert "next to nothing" not in found.says
    assert "let no more" not in found.advice
    (knee,) = detect(recording(_ramp(lambda callers: 10 * max(callers, 2))))
    assert "more than 2 at once gain next to nothing" in knee.says
    assert knee.advice.endswith("let no more than 2 in.")
