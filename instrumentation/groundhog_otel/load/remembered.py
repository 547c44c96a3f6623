"""The requests that a test remembers by themselves: the ten slowest, and some drawn evenly from all."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Sequence
from typing import Final

from groundhog_otel.load.result import Request

__all__ = ("SAMPLE", "SLOWEST", "Remembered", "merged_sample", "slowest_of")

SLOWEST: Final = 10
SAMPLE: Final = 500


class Remembered:
    """Ten slowest and a sample, whatever the number of requests."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - a sample, no secret
        self._slowest: list[tuple[int, int, Request]] = []
        self._sample: list[Request] = []
        self._seen = 0

    def place(self, response_ns: int) -> tuple[bool, int | None]:
        """Count a request; tell whether it is among the slowest so far, and its place in the sample if it has one.

        For those that have neither, nobody needs to make a :class:`Request`.
        """
        self._seen += 1
        slow = len(self._slowest) < SLOWEST or response_ns > self._slowest[0][0]
        # Reservoir sampling (Vitter's algorithm R): each request so far is in the sample with the same probability.
        place = self._seen - 1 if self._seen <= SAMPLE else self._draw.randrange(self._seen)
        return slow, place if place < SAMPLE else None

    def keep(self, request: Request, *, slow: bool, place: int | None) -> None:
        """Remember a request where :meth:`place` said."""
        if slow:
            push = heapq.heappush if len(self._slowest) < SLOWEST else heapq.heapreplace
            push(self._slowest, (request.ended_ns - request.intended_ns, self._seen, request))
        if place is not None:
            if place == len(self._sample):
                self._sample.append(request)
            else:
                self._sample[place] = request

    @property
    def slowest(self) -> tuple[Request, ...]:
        """The slowest first."""
        return slowest_of(request for _, _, request in self._slowest)

    @property
    def sample(self) -> tuple[Request, ...]:
        """In no order."""
        return tuple(self._sample)


def slowest_of(requests: Iterable[Request]) -> tuple[Request, ...]:
    """Return the slowest of some requests by response latency, the slowest first."""
    return tuple(sorted(requests, key=lambda one: (one.intended_ns - one.ended_ns, one.trace_id))[:SLOWEST])


def merged_sample(parts: Sequence[tuple[int, Sequence[Request]]], seed: int) -> tuple[Request, ...]:
    """Return an even sample of all requests, from an even sample of each part and the number of requests in it.

    Each draw takes a part with the probability that the next of all requests is in it.
    """
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    left = [count for count, _ in parts]
    pools = [draw.sample(list(sample), len(sample)) for _, sample in parts]
    found: list[Request] = []
    while len(found) < SAMPLE and any(pools):
        index = draw.choices(range(len(left)), [count if pool else 0 for count, pool in zip(left, pools, strict=True)])
        left[index[0]] -= 1
        found.append(pools[index[0]].pop())
    return tuple(found)
