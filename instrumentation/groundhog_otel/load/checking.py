"""Whether a configuration makes sense, before anything is started."""

from __future__ import annotations

import math

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.schedule import Share

__all__ = ("check_config", "check_share")


def check_config(config: LoadTestConfig) -> None:
    """Do nothing, where a configuration makes sense.

    Raises:
        LoadError: it does not; one sentence says which number, and what to write.
    """
    for name, value, least in (
        ("duration", config.duration, 0.001),
        ("warm_up", config.warm_up, 0.0),
        ("ramp_up_period", config.ramp_up_period, 0.0),
        ("request_timeout", config.request_timeout, 0.001),
    ):
        if not (math.isfinite(value) and value >= least):
            raise LoadError(f"{name} is {value:g} s: write {'more than 0' if least else '0 or more'} seconds.")
    for name, number in (("concurrent_users", config.concurrent_users), ("workers", config.workers)):
        if number < 1:
            raise LoadError(f"{name} is {number}: write 1 or more.")
    if config.workers > config.concurrent_users:
        raise LoadError(
            f"There are {config.workers} workers and {config.concurrent_users} users: each needs one of its own. "
            f"Take {config.concurrent_users} workers, or more users."
        )
    if config.ramp_up_period > config.warm_up + config.duration:
        raise LoadError(
            f"ramp_up_period ({config.ramp_up_period:g} s) is longer than the test: some users would never start."
        )
    if config.arrivals is not None and config.ramp_up_period:
        raise LoadError("ramp_up_period is for users; with arrivals, let the rate grow: ramp:10-500.")


def check_share(config: LoadTestConfig, share: Share | None) -> None:
    """Do nothing, where a worker can have that share of a test.

    Raises:
        LoadError: it cannot; one sentence says what to write.
    """
    if share is None:
        return
    if config.workers > 1:
        raise LoadError(f"This process is one of {share.of} workers (--worker): leave --workers away.")
    if share.of > config.concurrent_users:
        raise LoadError(
            f"There are {share.of} workers and {config.concurrent_users} users: each worker needs one of its own. "
            f"Write --users {share.of}, or more."
        )
