from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.scaling.fitting import Throughput, fit
from groundhog_otel.analysis.scaling.law import Fit, throughput

_STEPS = (1, 2, 4, 8, 16, 32, 64)


def _measured(
    generator: np.random.Generator,
    parameters: tuple[float, float, float],
    *,
    steps: tuple[int, ...] = _STEPS,
    window_noise: float = 0.05,
    step_noise: float = 0.0,
) -> Fit | None:
    """Fit what windows of a server that follows the law would show, with noise in each window and in each step."""
    made = []
    for concurrency in steps:
        level = throughput(concurrency, *parameters) * math.exp(step_noise * generator.normal())
        made.append(Throughput(concurrency, tuple((level * (1 + window_noise * generator.normal(size=10))).tolist())))
    return fit(made)


@pytest.mark.parametrize(
    ("parameters", "window_noise", "step_noise"),
    [((500.0, 0.05, 0.0005), 0.05, 0.0), ((80.0, 0.2, 0.002), 0.02, 0.03)],
)
def test_what_is_true_is_within_the_interval_as_often_as_it_says(
    parameters: tuple[float, float, float], window_noise: float, step_noise: float
) -> None:
    generator, trials = np.random.default_rng(1), 80
    knee = math.sqrt((1 - parameters[1]) / parameters[2])
    held: Counter[str] = Counter()
    for _ in range(trials):
        found = _measured(generator, parameters, window_noise=window_noise, step_noise=step_noise)
        assert found is not None
        assert found.knee is not None
        intervals = {
            "per_client": (found.per_client, parameters[0]),
            "contention": (found.contention, parameters[1]),
            "coherency": (found.coherency, parameters[2]),
            "knee": (found.knee, knee),
        }
        for name, (between, truth) in intervals.items():
            assert between.low <= between.high
            held[name] += between.low <= truth <= between.high
    # Three standard deviations of a share of 80, below 95 %.
    assert all(count / trials > 0.95 - 0.073 for count in held.values()), held


def test_intervals_are_no_wider_than_they_need_be() -> None:
    found = _measured(np.random.default_rng(2), (500.0, 0.05, 0.0005))
    assert found is not None
    assert found.usable
    assert found.knee is not None
    assert found.peak is not None
    assert found.r2 > 0.98
    assert found.knee.high / found.knee.low < 1.4
    assert found.per_client.high / found.per_client.low < 1.2
    assert found.peak.value == pytest.approx(throughput(found.knee.value, 500, 0.05, 0.0005), rel=0.05)


@settings(deadline=None, max_examples=25)
@given(st.floats(1, 1e5), st.floats(0, 0.9), st.floats(1e-5, 0.1))
def test_without_noise_the_parameters_come_back(per_client: float, contention: float, coherency: float) -> None:
    steps = [Throughput(n, (throughput(n, per_client, contention, coherency),) * 5) for n in (1, 2, 4, 8, 16, 32)]
    found = fit(steps)
    assert found is not None
    assert found.per_client.value == pytest.approx(per_client, rel=1e-6)
    assert found.contention.value == pytest.approx(contention, rel=1e-4, abs=1e-6)
    assert found.coherency.value == pytest.approx(coherency, rel=1e-4, abs=1e-8)


def test_a_server_that_is_still_linear_has_its_knee_beyond_what_was_measured() -> None:
    found = _measured(np.random.default_rng(3), (500.0, 0.0, 0.0))
    assert found is not None
    assert (found.knee, found.peak, found.usable) == (None, None, False)
    assert found.problem is not None
    assert found.problem.startswith("the knee is beyond what was measured (concurrency 64)")
    assert found.coherency.low == 0


def test_a_server_that_does_one_thing_at_a_time_is_described_though_its_throughput_hardly_varies() -> None:
    found = _measured(np.random.default_rng(4), (500.0, 0.95, 0.002), window_noise=0.02)
    assert found is not None
    assert found.usable
    assert found.contention.low > 0.8


def test_what_does_not_follow_the_law_is_not_described_by_it() -> None:
    wild = [Throughput(n, (level,) * 4) for n, level in zip(_STEPS, (100, 900, 50, 700, 60, 800, 90), strict=True)]
    found = fit(wild)
    assert found is not None
    assert found.problem is not None
    assert "throughput depends on something else as well" in found.problem


def test_too_few_steps() -> None:
    generator = np.random.default_rng(5)
    assert _measured(generator, (500.0, 0.1, 0.01), steps=(1, 2)) is None
    few = _measured(generator, (500.0, 0.1, 0.1), steps=(1, 2, 8))
    assert few is not None
    assert few.problem == "3 steps are too few for a law of three parameters: measure 4 or more"


@pytest.mark.parametrize("bad", [Throughput(1, ()), Throughput(1, (0.0,)), Throughput(0, (5.0,))])
def test_what_is_no_step(bad: Throughput) -> None:
    with pytest.raises(ValueError, match="a throughput above 0"):
        fit([bad])


def test_one_window_a_step_is_taken_as_it_is() -> None:
    found = fit([Throughput(n, (throughput(n, 500, 0.1, 0.01) * (1 + 0.01 * (n % 3)),)) for n in (1, 2, 4, 8, 16)])
    assert found is not None
    assert found.contention.low < 0.1 < found.contention.high
