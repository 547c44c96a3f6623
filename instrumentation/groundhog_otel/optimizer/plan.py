"""How an experiment is done: under which load, for how long, how often."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from groundhog_otel.load.discovery import discover
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.scenarios.checks import check
from groundhog_otel.load.session import Session
from groundhog_otel.optimizer.verdict import Guards

__all__ = ("LEAST_BLOCKS", "Plan")

LEAST_BLOCKS: Final = 5
"""Fewer, and chance alone looks like an effect too often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment. Times are in seconds."""

    load: LoadTestConfig = field(default_factory=lambda: LoadTestConfig(concurrent_users=8))
    """What is asked, by how many users at once or at which rate; its duration is that of the baseline."""
    tools: tuple[str, ...] = ()
    """Without scenarios: the tools that are called, and no others, whether they are marked as read-only or not."""
    blocks: int = 6
    """In each, both servers are under load twice: ABBA, and BAAB in the next one."""
    segment_s: float = 3.0
    """A quarter of a block."""
    warm_up_s: float = 2.0
    """How long each server is under load before it counts; again, while an action has not taken effect."""
    relevant: float = 0.05
    """The least that a measure has to be improved by, as a share."""
    guards: Guards = field(default_factory=Guards)

    def require_valid(self) -> None:
        """Raise unless it can be done.

        Raises:
            LoadError: it cannot.
        """
        if self.blocks < LEAST_BLOCKS:
            raise LoadError(f"{self.blocks} blocks cannot tell an effect from chance: take {LEAST_BLOCKS} or more")
        if self.segment_s <= 0 or self.warm_up_s <= 0:
            raise LoadError("A block and its warm-up need some time: give them more than 0 s")
        if self.load.workers != 1:
            raise LoadError("An experiment compares two servers from one process: leave the number of workers away")

    async def config(self, session: Session) -> LoadTestConfig:
        """Return the load with scenarios that the server can serve.

        Raises:
            LoadError: it has nothing to call, or not what is asked for.
        """
        load = self.load
        if load.test_scenarios:
            await check(load.test_scenarios, session)
            return load
        unsafe = load.unsafe_tools or bool(self.tools)
        found = (await discover(session, seed=load.seed, unsafe_tools=unsafe)).scenarios
        if self.tools:
            found = tuple(one for one in found if one.name in self.tools)
            missing = sorted({*self.tools} - {one.name for one in found})
            if missing:
                raise LoadError(
                    f"The server has no tool {missing[0]}, or no arguments can be made for it: see its list"
                )
        return replace(load, test_scenarios=found)

    def segment(self, config: LoadTestConfig, number: int) -> LoadTestConfig:
        """Return the load of one segment of a block: the same for all of them, and others in other blocks."""
        return replace(config, duration=self.segment_s, warm_up=0.0, seed=config.seed + number)

    def warming(self, config: LoadTestConfig) -> LoadTestConfig:
        """Return the load before the first block."""
        return replace(config, duration=self.warm_up_s, warm_up=0.0, ramp_up_period=0.0)
