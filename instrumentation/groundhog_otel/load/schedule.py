"""Which scenario is due when, for whom: drawn from the seed alone, so that all workers draw the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step

__all__ = ("Round", "Rounds", "Share", "users_of")


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of a test."""

    index: int = 0
    """From 0."""
    of: int = 1


@dataclass(frozen=True, slots=True)
class Round:
    """A scenario, to be gone through once."""

    index: int
    """In the whole test, over all workers."""
    at_s: float
    """When it is due: from the beginning of the warm-up."""
    scenario: Scenario
    row: Mapping[str, Any]
    think: random.Random

    def pause_s(self, step: Step) -> float:
        """Return how long to wait before a step."""
        if isinstance(step.think, tuple):
            return self.think.uniform(*step.think)
        return step.think


class Rounds:
    """Draws rounds, one after the other."""

    def __init__(self, config: LoadTestConfig, stream: int = 0) -> None:
        """``stream`` makes other draws of the same seed: each user of a closed model has one."""
        self._scenarios = config.test_scenarios
        self._weights = [scenario.weight for scenario in self._scenarios]
        self._draw = random.Random((config.seed << 32) + stream)  # noqa: S311 - to be repeated, no secret
        self._taken = dict.fromkeys(range(len(self._scenarios)), stream)
        self._seed, self._stream = config.seed, stream

    def next(self, index: int, at_s: float) -> Round:
        """Return the next round."""
        every = range(len(self._scenarios))
        chosen = self._draw.choices(every, self._weights)[0] if len(every) > 1 else 0
        scenario = self._scenarios[chosen]
        row: Mapping[str, Any] = {}
        if scenario.data:
            row = scenario.data[self._taken[chosen] % len(scenario.data)]
            self._taken[chosen] += 1
        return Round(index, at_s, scenario, row, self._draw)

    @classmethod
    def due(cls, config: LoadTestConfig, share: Share) -> Iterator[Round]:
        """Return a worker's rounds of an open model, as they fall due: every ``of``-th of all, beginning with its own.

        What all workers have between them is exactly what a single one would have.
        """
        if config.arrivals is None:
            return
        rounds = cls(config)
        for index, at_s in enumerate(config.arrivals.times(config.warm_up + config.duration, config.seed)):
            one = rounds.next(index, at_s)
            if index % share.of == share.index:
                yield replace(one, think=random.Random((config.seed << 32) + index))  # noqa: S311 - no secret


def users_of(config: LoadTestConfig, share: Share) -> range:
    """Return the numbers of the users that are a worker's."""
    return range(share.index, config.concurrent_users, share.of)
