"""Sweeps of a server that is a formula, and of one that is real enough to use CPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from groundhog_otel.analysis.scaling.law import throughput
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results.result import LoadResult, Window
from groundhog_otel.load.scaling.metrics import ScalingMetrics, scaling_metrics
from groundhog_otel.load.scaling.needs import Need, cost_s
from groundhog_otel.load.scaling.resources import Sample
from groundhog_otel.load.scaling.saturation import Saturation
from groundhog_otel.load.scaling.sweep import SweepStep, next_concurrency, rate, sweep, telling
from tests.load.made import IDLE, operation, result

_COST_S = 0.0018
_START_NS = 1_700_000_000_000_000_000


def _result(concurrency: int, generator: np.random.Generator, **changes: Any) -> LoadResult:
    level = throughput(concurrency, 100, 0.1, 0.004)
    counts = [max(round(level * (1 + 0.03 * generator.normal())), 1) for _ in range(10)]
    own = operation("tools/call add", np.full(sum(counts), concurrency / level))
    windows = tuple(Window(float(i), 1.0, count, 0, {}, 0) for i, count in enumerate(counts))
    facts: dict[str, Any] = {"windows": windows, "duration_s": 10.0, "started_at_ns": _START_NS}
    return result(operations=[own], **(facts | changes))


def _step(concurrency: int, generator: np.random.Generator, *, known: bool = True, **changes: Any) -> SweepStep:
    """A step in which every request costs the server 1.8 ms of CPU."""
    one = _result(concurrency, generator, **changes)
    spent = np.concatenate([[0.0], np.cumsum([window.count * _COST_S for window in one.windows])])
    samples = tuple(
        Sample(_START_NS + i * 10**9, 1, float(cpu_s), 50_000_000, None, None, 1000 * i)
        for i, cpu_s in enumerate(spent)
    )
    return SweepStep(concurrency, one, samples if known else ())


def _steps(*concurrencies: int, **changes: Any) -> list[SweepStep]:
    generator = np.random.default_rng(1)
    return [_step(concurrency, generator, **changes) for concurrency in concurrencies]


def _need(metrics: ScalingMetrics, target: str) -> Need:
    return next(need for need in metrics.needs if need.target == target)


def test_a_sweep_is_described() -> None:
    metrics = scaling_metrics(_steps(1, 2, 4, 8, 16, 32, 64))
    assert metrics.fit is not None
    assert metrics.fit.usable
    assert metrics.notes == ()
    assert metrics.knee == pytest.approx(15, rel=0.15)
    assert metrics.contention == pytest.approx(0.1, abs=0.03)
    assert metrics.coherency == pytest.approx(0.004, rel=0.3)
    row = metrics.steps[3]
    assert row.concurrency == 8
    assert row.requests_per_s == pytest.approx(throughput(8, 100, 0.1, 0.004), rel=0.05)
    assert row.p99_s == pytest.approx(8 / throughput(8, 100, 0.1, 0.004), rel=0.01)
    assert row.use.cpu_cores == pytest.approx(row.requests_per_s * _COST_S, rel=0.01)
    assert row.requests_per_core_s == pytest.approx(1 / _COST_S, rel=0.01)
    assert row.use.disk_bytes_per_s is None
    assert row.use.network_bytes_per_s == pytest.approx(1000)
    assert row.saturation == Saturation()


def test_what_targets_take() -> None:
    metrics = scaling_metrics(_steps(1, 2, 4, 8, 16, 32, events=0))
    commands = _need(metrics, "commands")
    assert commands.cores is not None
    assert commands.cores.value == pytest.approx(1000 * _COST_S, rel=0.001)
    assert commands.cores.low <= commands.cores.value <= commands.cores.high
    assert "1.8 ms of CPU per request at 16 users" in commands.basis
    alone = _need(scaling_metrics(_steps(1)), "commands")
    assert alone.basis.endswith("ms of CPU per request at 1 user")
    connections, sessions = _need(metrics, "connections"), _need(metrics, "sessions")
    assert connections.cores is not None
    assert sessions.cores is not None
    # A client that is alone makes 100 requests a second.
    assert connections.cores.value == pytest.approx(1000 * 100 * _COST_S, rel=0.05)
    assert connections.cores.low < 180 < connections.cores.high
    assert sessions.cores.value == pytest.approx(connections.cores.value / 10)
    assert _need(metrics, "events").cores is None
    assert "no notification" in _need(metrics, "events").basis


def test_events_are_put_against_all_of_the_cpu() -> None:
    steps = _steps(1, 2, 4, 8, 16)
    requests = sum(one.count for one in steps[-1].result.operations)
    steps[-1] = replace(steps[-1], result=replace(steps[-1].result, events=requests * 3))
    cores = _need(scaling_metrics(steps), "events").cores
    assert cores is not None
    assert cores.value == pytest.approx(5000 * _COST_S / 3, rel=0.001)


def test_the_interval_of_a_cost_holds_the_truth() -> None:
    """CPU per request varies from window to window; the mean of it is what is estimated."""
    generator, trials, held = np.random.default_rng(2), 100, 0
    for _ in range(trials):
        step = _step(8, generator)
        spent = np.cumsum([w.count * _COST_S * (1 + 0.2 * generator.normal()) for w in step.result.windows])
        samples = [replace(step.samples[0], cpu_s=0.0)]
        samples += [replace(one, cpu_s=float(cpu_s)) for one, cpu_s in zip(step.samples[1:], spent, strict=True)]
        found = cost_s(replace(step, samples=tuple(samples)))
        assert found is not None
        held += found.low <= _COST_S <= found.high
    assert held / trials > 0.95 - 0.065


def test_a_server_elsewhere_has_no_cost() -> None:
    metrics = scaling_metrics(_steps(1, 2, 4, 8, 16, known=False))
    assert all(need.cores is None for need in metrics.needs)
    assert "not on this machine" in metrics.needs[0].basis
    assert metrics.notes == ("the server's processes are not known, so what it used is not",)
    assert metrics.fit is not None
    assert metrics.steps[0].use.cpu_cores is None


def test_a_step_in_which_the_generator_was_the_bottleneck_is_left_out() -> None:
    steps = _steps(1, 2, 4, 8, 16)
    busy = replace(steps[-1].result, self_checks=(replace(IDLE, cpu_share=0.99),))
    metrics = scaling_metrics([*steps[:-1], replace(steps[-1], result=busy)])
    assert metrics.fit is not None
    assert metrics.fit.steps == 4
    assert metrics.notes[0].startswith("16 users: left out, since worker 0 of the generator used 99 % of a CPU")


def test_nothing_valid() -> None:
    metrics = scaling_metrics([SweepStep(1, result(operations=()))])
    assert metrics.fit is None
    assert {need.basis for need in metrics.needs} == {"no step of the sweep is valid"}
    assert scaling_metrics([]).steps == ()


def test_one_saturation_a_step() -> None:
    steps = _steps(1, 2)
    metrics = scaling_metrics(steps, saturations=[Saturation(loop_lag_mean_s=0.001), Saturation()])
    assert metrics.steps[0].saturation.loop_lag_mean_s == 0.001
    with pytest.raises(ValueError, match="one saturation for each step"):
        scaling_metrics(steps, saturations=[Saturation()])


def _run(seen: list[int], change: Callable[[int], dict[str, Any]] = lambda _: {}) -> Any:
    generator = np.random.default_rng(3)

    async def run(config: LoadTestConfig) -> LoadResult:
        seen.append(config.concurrent_users)
        assert config.arrivals is None
        return _result(config.concurrent_users, generator, **change(config.concurrent_users))

    return run


@pytest.mark.anyio
async def test_a_sweep_ends_when_throughput_has_fallen() -> None:
    seen: list[int] = []
    steps = await sweep(_run(seen), LoadTestConfig())
    assert seen == [step.concurrency for step in steps] == [1, 2, 4, 8, 16, 32]
    assert rate(steps[-1].result) < rate(steps[-2].result)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "change", "expected"),
    [
        ({"most": 8}, {}, [1, 2, 4, 8]),
        ({"concurrencies": (3, 5)}, {}, [3, 5]),
        ({}, {"interrupted": "Ctrl-C"}, [1]),
        ({}, {"self_checks": (replace(IDLE, cpu_share=0.99),)}, [1]),
        ({}, {"operations": (operation("ping", [0.01] * 10, errors={"timeout": 9}),)}, [1]),
    ],
)
async def test_other_ends(options: dict[str, Any], change: dict[str, Any], expected: Sequence[int]) -> None:
    generator = np.random.default_rng(4)

    async def run(config: LoadTestConfig) -> LoadResult:
        return replace(_result(config.concurrent_users, generator), **change)

    assert [step.concurrency for step in await sweep(run, LoadTestConfig(), **options)] == list(expected)


def test_a_dip_at_the_beginning_does_not_end_a_sweep() -> None:
    steps = _steps(8, 1)
    assert next_concurrency([replace(steps[0], concurrency=1), replace(steps[1], concurrency=2)]) == 4


def test_the_step_to_look_at_says_something_about_the_server() -> None:
    steps = _steps(1, 2, 4)
    busy = replace(steps[2], result=replace(steps[2].result, self_checks=(replace(IDLE, cpu_share=0.99),)))
    assert telling(steps) is steps[2]
    assert telling([*steps[:2], busy]) is steps[1]
    assert telling([busy]) is busy
    stopped = replace(busy, result=replace(busy.result, interrupted="Ctrl-C"))
    assert telling([*steps[:2], stopped]) is stopped


@pytest.mark.anyio
async def test_the_process_that_works_is_sampled_meanwhile() -> None:
    import os

    async def run(config: LoadTestConfig) -> LoadResult:
        began_ns, end = time.time_ns(), time.process_time() + 0.3
        while time.process_time() < end:
            pass
        length_s = (time.time_ns() - began_ns) / 1e9
        own = operation("tools/call add", [0.001] * 300)
        windows = tuple(Window(length_s / 6 * i, length_s / 6, 50, 0, {}, 0) for i in range(6))
        return result(operations=[own], windows=windows, duration_s=length_s, started_at_ns=began_ns)

    (step,) = await sweep(run, LoadTestConfig(duration=0.3), pids=lambda: [os.getpid()], concurrencies=[1])
    cost = cost_s(step)
    assert cost is not None
    # 0.3 s of this process, in 300 requests, and what the sampler itself uses.
    assert 0.0008 < cost.value < 0.003
