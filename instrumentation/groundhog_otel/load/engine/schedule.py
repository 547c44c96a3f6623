"""Who does what, and when: the rounds of a test, the same in every process that has a share in it."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from random import Random
from typing import Any

from groundhog_otel.load.plan import LoadTestConfig, Scenario

__all__ = ("WHOLE", "Round", "Share", "rounds_due", "rounds_of_user", "thinking")


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a test that one process does: every ``count``-th round and user, from ``index`` on."""

    index: int = 0
    count: int = 1

    def has(self, number: int) -> bool:
        """Tell whether a round, or a user, is of this share."""
        return number % self.count == self.index

    def users(self, config: LoadTestConfig) -> tuple[int, ...]:
        """Return the users of this share, by their numbers from 0."""
        return tuple(range(self.index, config.concurrent_users, self.count))

    def part(self, index: int, count: int) -> Share:
        """Return a part of this share, as one of ``count``."""
        return Share(self.index + self.count * index, self.count * count)


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Round:
    """One pass through a scenario."""

    number: int
    due_s: float
    """Seconds from the beginning; 0 in a closed model, where it is due when the one before has ended."""
    scenario: Scenario
    row: Mapping[str, Any]
    """Of the scenario's data."""
    seed: int
    """For what is drawn within it."""


def rounds_due(config: LoadTestConfig, scenarios: Sequence[Scenario], share: Share) -> Iterator[Round]:
    """Yield the rounds of an open model that are of a share, in the order of their times.

    Every process draws all of the schedule and leaves out what is not its own, so together they do what one would.
    """
    if config.arrivals is None:
        raise ValueError("a closed model has no arrivals")
    choose = _Choice(scenarios, f"{config.seed}/rounds")
    taken = dict.fromkeys(range(len(scenarios)), 0)
    for number, due_s in enumerate(config.arrivals.times(config.warm_up + config.duration, config.seed)):
        which, seed = choose()
        row_number = taken[which]
        taken[which] += 1
        if share.has(number):
            yield Round(number, due_s, scenarios[which], _row(scenarios[which], row_number), seed)


def rounds_of_user(
    config: LoadTestConfig, scenarios: Sequence[Scenario], user: int, taken: dict[int, Iterator[int]], share: Share
) -> Iterator[Round]:
    """Yield the rounds of one user of a closed model, without end.

    ``taken`` is what the users of a process have in common: which rows of data they have taken. Processes take
    different ones, as long as there are enough.
    """
    choose = _Choice(scenarios, f"{config.seed}/user/{user}")
    for number in count():
        which, seed = choose()
        rows = taken.setdefault(which, count(share.index, share.count))
        yield Round(number, 0.0, scenarios[which], _row(scenarios[which], next(rows)), seed)


def thinking(think: float | tuple[float, float], draw: Random) -> float:
    """Return how many seconds to think."""
    if isinstance(think, tuple):
        low, high = think
        return low + (high - low) * draw.random()
    return think


class _Choice:
    """Draws scenarios by their weights, and a seed for each round."""

    def __init__(self, scenarios: Sequence[Scenario], seed: str) -> None:
        self._random = Random(seed)  # noqa: S311 - it is to be reproducible
        self._bounds = list(accumulate(scenario.weight for scenario in scenarios))

    def __call__(self) -> tuple[int, int]:
        at = self._random.random() * self._bounds[-1]
        which = min(bisect(self._bounds, at), len(self._bounds) - 1)
        return which, self._random.getrandbits(32)


def _row(scenario: Scenario, number: int) -> Mapping[str, Any]:
    return scenario.data[number % len(scenario.data)] if scenario.data else {}
