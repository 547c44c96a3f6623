"""Whether a load test can be done as it is configured."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite

from groundhog_otel.load.engine.schedule import Share
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import METHODS, LoadTestConfig, Scenario, Step
from groundhog_otel.report.units import amount

__all__ = ("require_valid",)


def require_valid(config: LoadTestConfig, share: Share) -> None:
    """Hold a configuration, and the share of it that one process is to do, against what a test needs.

    Raises:
        LoadError: something is wrong: the first of it.
    """
    for problem in _problems(config, share):
        raise LoadError(problem)


def _problems(config: LoadTestConfig, share: Share) -> Iterator[str]:
    for name, value in (("duration", config.duration), ("timeout", config.request_timeout)):
        if not (isfinite(value) and value > 0):
            yield f"The {name} is {value:g}: give seconds above 0"
    for name, value in (("warm-up", config.warm_up), ("ramp-up", config.ramp_up_period)):
        if not (isfinite(value) and value >= 0):
            yield f"The {name} is {value:g}: give seconds, or 0"
    if config.concurrent_users < 1:
        yield f"A test with {config.concurrent_users} users does nothing: give at least 1"
    if config.workers < 1:
        yield f"A test with {config.workers} workers does nothing: give at least 1"
    if share.count > config.concurrent_users:
        users = amount(config.concurrent_users, "user")
        yield f"{share.count} workers are too many for {users}: each takes at least one of them"
    for scenario in config.test_scenarios:
        yield from _wrong_with(scenario)


def _wrong_with(scenario: Scenario) -> Iterator[str]:
    if not scenario.steps:
        yield f"Scenario {scenario.name!r} has no steps: give at least one"
    if not 0 < scenario.weight < inf:
        yield f"Scenario {scenario.name!r} has the weight {scenario.weight:g}: give a number above 0, or leave it away"
    for number, step in enumerate(scenario.steps, 1):
        for problem in _wrong_with_step(step):
            yield f"Step {number} of scenario {scenario.name!r} {problem}"


def _wrong_with_step(step: Step) -> Iterator[str]:
    if step.method not in METHODS:
        yield f"has the method {step.method!r}: write one of {', '.join(METHODS)}"
    low, high = step.think if isinstance(step.think, tuple) else (step.think, step.think)
    if not 0 <= low <= high < inf:
        yield f"thinks for {step.think} seconds: give a number from 0 up, or two of which the second is not less"
    if step.timeout is not None and not 0 < step.timeout < inf:
        yield f"has the timeout {step.timeout:g}: give seconds above 0"
