"""The requests that are remembered by themselves: the slowest ten, and an even sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappush, heappushpop
from itertools import count
from math import exp, floor, log
from random import Random
from typing import Final

from groundhog_otel.load.results.result import Request
from groundhog_otel.mcp.guard import guarded_error

__all__ = ("SAMPLE", "SLOWEST", "Remembered", "slowest_of")

SLOWEST: Final = 10
SAMPLE: Final = 500


class Remembered:
    """Looks at every request, and keeps few."""

    def __init__(self, seed: str, on_remembered: Callable[[Request], None] | None) -> None:
        self._tell = on_remembered or (lambda _request: None)
        self._slowest: list[tuple[int, int, Request]] = []
        self._number = count()
        self._floor_ns = -1
        self._sample: list[Request] = []
        self.drawn: list[tuple[int, Request]] | None = None
        """A list takes each that enters the sample, and its place there."""
        self._seen = 0
        self._random = Random(seed)  # noqa: S311 - a sample is no secret
        self._weight = 1.0
        self._next = 0

    def offer(self, response_ns: int, make: Callable[[], Request]) -> None:
        """Look at a request; ``make`` returns it, and is called when it is to be remembered."""
        slow, drawn = response_ns > self._floor_ns, self._seen == self._next
        self._seen += 1
        if not (slow or drawn):
            return
        request = make()
        if slow:
            self._keep_slow(response_ns, request)
        if drawn:
            self._draw(request)
        try:
            self._tell(request)
        except Exception:
            guarded_error("load.on_remembered")

    @property
    def slowest(self) -> tuple[Request, ...]:
        """The slowest ten, the slowest first."""
        return slowest_of(request for _, _, request in self._slowest)

    @property
    def sample(self) -> tuple[Request, ...]:
        """Some 500, any request as likely as another."""
        return tuple(self._sample)

    def _keep_slow(self, response_ns: int, request: Request) -> None:
        entry = (response_ns, next(self._number), request)
        if len(self._slowest) < SLOWEST:
            heappush(self._slowest, entry)
        else:
            heappushpop(self._slowest, entry)
        if len(self._slowest) == SLOWEST:
            self._floor_ns = self._slowest[0][0]

    def _draw(self, request: Request) -> None:
        """Keep a drawn request, and draw which is the next (Li 1994, "Reservoir-sampling algorithms", algorithm L)."""
        place = len(self._sample)
        if place < SAMPLE:
            self._sample.append(request)
        else:
            place = floor(self._random.random() * SAMPLE)
            self._sample[place] = request
        if self.drawn is not None:
            self.drawn.append((place, request))
        if len(self._sample) < SAMPLE:
            self._next += 1
            return
        self._weight *= exp(log(1 - self._random.random()) / SAMPLE)
        self._next += 1 + floor(log(1 - self._random.random()) / log(1 - self._weight))


def slowest_of(requests: Iterable[Request]) -> tuple[Request, ...]:
    """Return the slowest ten of some requests, the slowest first."""
    ordered = sorted(requests, key=lambda one: (one.intended_ns - one.ended_ns, one.intended_ns, one.trace_id))
    return tuple(ordered[:SLOWEST])
