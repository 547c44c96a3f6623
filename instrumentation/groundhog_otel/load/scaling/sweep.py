"""A sweep: short load tests at rising concurrency, the server's processes sampled meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from groundhog_otel.load.judgement.soundness import faults
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.resources import ResourceSampler, Sample

__all__ = ("SweepStep", "next_concurrency", "rate", "sweep", "telling")

_LEAST_STEPS: Final = 5
_FALLEN: Final = 0.95
"""Of the highest throughput: less is a fall, not noise."""
_MOST_ERRORS: Final = 0.5
_SAMPLES: Final = 20
"""In a step: two in each of its windows, of which there are ten or less in a short one."""
_LONGEST_S: Final = 0.5
"""Between two samples."""


@dataclass(frozen=True, slots=True)
class SweepStep:
    """One load test of a sweep."""

    concurrency: int
    result: LoadResult
    samples: tuple[Sample, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it says nothing about the server; a sentence each."""
        return faults(self.result)


async def sweep(
    run: Callable[[LoadTestConfig], Awaitable[LoadResult]],
    config: LoadTestConfig,
    *,
    pids: Callable[[], Iterable[int]] = tuple,
    concurrencies: Sequence[int] | None = None,
    most: int = 256,
    interval_s: float | None = None,
) -> tuple[SweepStep, ...]:
    """Run a load test at 1, 2, 4, 8 … users, until it is no use to go on; or at the ``concurrencies`` given.

    Each is a closed model of ``config`` (its ``arrivals`` are left out: concurrency is what is varied). It ends when
    throughput has fallen, at ``most`` users, when the generator was the bottleneck, when half of the requests fail, and
    when a test is interrupted. ``pids`` names the server's processes while a test runs; they are sampled every
    ``interval_s`` seconds, by default twenty times a step, and at least twice a second.

    Raises:
        LoadError: as ``run`` does.
    """
    done: list[SweepStep] = []
    given = None if concurrencies is None else iter(concurrencies)
    while True:
        concurrency = next_concurrency(done, most=most) if given is None else next(given, None)
        if concurrency is None:
            return tuple(done)
        with ResourceSampler(pids, interval_s=interval_s or _interval_s(config.duration)) as sampler:
            result = await run(replace(config, concurrent_users=concurrency, arrivals=None))
        done.append(SweepStep(concurrency, result, sampler.samples))
        if result.interrupted is not None:
            return tuple(done)


def _interval_s(duration_s: float) -> float:
    return min(duration_s / _SAMPLES, _LONGEST_S)


def next_concurrency(done: Sequence[SweepStep], *, most: int = 256) -> int | None:
    """Return how many users the next step has; None when the sweep is over."""
    if not done:
        return 1
    last, best = done[-1], max(rate(step.result) for step in done)
    errors = sum(sum(one.errors.values()) for one in last.result.operations)
    if last.faults or errors > _MOST_ERRORS * sum(one.count for one in last.result.operations):
        return None
    if len(done) >= _LEAST_STEPS and rate(last.result) < _FALLEN * best:
        return None
    return last.concurrency * 2 if last.concurrency * 2 <= most else None


def telling(steps: Sequence[SweepStep]) -> SweepStep:
    """Return the step to look at more closely: the last that says something about the server, if there is one.

    A sweep that ends because the generator was the bottleneck has answered its question all the same. Of an
    interrupted one it is the last.
    """
    last = steps[-1]
    if last.result.interrupted is not None:
        return last
    return next((one for one in reversed(steps) if not one.faults), last)


def rate(result: LoadResult) -> float:
    """Return how many requests per second were answered without an error."""
    answered = sum(one.count - sum(one.errors.values()) for one in result.operations)
    return answered / result.duration_s if result.duration_s > 0 else 0.0
