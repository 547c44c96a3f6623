"""The schedules themselves. Rates are per second, times in seconds.

All but Poisson's are spaced evenly: the n-th start is when the integral of the rate has reached n, so the number of
starts is that integral, rounded up. Each is computed by itself, so that no error adds up over a day of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from math import inf, isfinite, log1p, sqrt
from random import Random

from groundhog_otel.load.errors import LoadError

__all__ = ("Constant", "Poisson", "Ramp", "Replay", "Spike", "Steps")


@dataclass(frozen=True, slots=True)
class Constant:
    """One start every 1/rate seconds."""

    rate: float

    def __post_init__(self) -> None:
        _above_zero(self.rate)

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        return _until(duration, (number / self.rate for number in count()))

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it."""
        return {"kind": "constant", "rate": self.rate}


@dataclass(frozen=True, slots=True)
class Poisson:
    """Starts that know nothing of each other, as those of many independent users: gaps are exponential."""

    rate: float

    def __post_init__(self) -> None:
        _above_zero(self.rate)

    def times(self, duration: float, seed: int) -> Iterator[float]:
        """Return the starts."""
        return _until(duration, self._drawn(seed))

    def _drawn(self, seed: int) -> Iterator[float]:
        # Of all that Random has, only random() is promised to be the same in every release of Python.
        draw = Random(f"{seed}/arrivals").random  # noqa: S311 - it is to be reproducible
        at = 0.0
        while True:
            at -= log1p(-draw()) / self.rate
            yield at

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it."""
        return {"kind": "poisson", "rate": self.rate}


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rate that changes evenly from the first to the last over the whole test."""

    first: float
    last: float

    def __post_init__(self) -> None:
        _not_negative(self.first)
        _not_negative(self.last)
        _above_zero(max(self.first, self.last))

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        return _until(duration, self._all(duration))

    def _all(self, duration: float) -> Iterator[float]:
        # first * t + slope / 2 * t**2 = n, in the form that does not lose digits when slope is next to nothing.
        slope = (self.last - self.first) / duration
        for number in range(int(duration * (self.first + self.last) / 2) + 2):
            under_root = self.first * self.first + 2 * slope * number
            if under_root < 0:
                return
            below = self.first + sqrt(under_root)
            yield 2 * number / below if below > 0 else 0.0

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it."""
        return {"kind": "ramp", "first": self.first, "last": self.last}


@dataclass(frozen=True, slots=True)
class Steps:
    """Rates, each for some seconds; the last one goes on to the end of the test."""

    steps: tuple[tuple[float, float], ...]
    """``(rate, seconds)``; a rate of 0 is a pause."""

    def __post_init__(self) -> None:
        if not self.steps:
            raise LoadError("Steps without a step start nothing: give at least one rate and its seconds")
        for rate, seconds in self.steps:
            _not_negative(rate)
            _not_negative(seconds)
        _above_zero(max(rate for rate, _ in self.steps))

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        *before, (rate, _) = self.steps
        return _until(duration, _piecewise((*before, (rate, inf))))

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it."""
        return {"kind": "steps", "steps": [list(step) for step in self.steps]}


@dataclass(frozen=True, slots=True)
class Spike:
    """A rate, and another one for ``lasting`` seconds from ``at`` on."""

    base: float
    peak: float
    at: float
    lasting: float

    def __post_init__(self) -> None:
        for value in (self.base, self.peak, self.at, self.lasting):
            _not_negative(value)
        _above_zero(max(self.base, self.peak))

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        return _until(duration, _piecewise(((self.base, self.at), (self.peak, self.lasting), (self.base, inf))))

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it."""
        return {"kind": "spike", "base": self.base, "peak": self.peak, "at": self.at, "lasting": self.lasting}


@dataclass(frozen=True, slots=True)
class Replay:
    """Starts that were seen before (:func:`groundhog_otel.load.arrivals.recorded.replay_of`). It ends with them."""

    starts: tuple[float, ...]
    """Ascending, from 0."""
    source: str = ""
    """Where they were seen."""

    def __post_init__(self) -> None:
        if not self.starts:
            raise LoadError("There is nothing to replay: record something first, with groundhog run")
        if any(later < earlier for earlier, later in zip(self.starts, self.starts[1:], strict=False)):
            raise LoadError("Times to replay must be ascending: sort them")
        _not_negative(self.starts[0])

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        return _until(duration, self.starts)

    def as_dict(self) -> dict[str, object]:
        """Return what a result says of it; not each start."""
        return {"kind": "replay", "source": self.source, "starts": len(self.starts), "seconds": self.starts[-1]}


def _until(duration: float, times: Iterable[float]) -> Iterator[float]:
    for time in times:
        if time >= duration:
            return
        yield time


def _piecewise(pieces: Iterable[tuple[float, float]]) -> Iterator[float]:
    """Yield when the integral of a rate that is constant in pieces reaches 0, 1, 2 …"""
    number, begun, reached = 0, 0.0, 0.0
    for rate, seconds in pieces:
        ended = reached + rate * seconds if rate else reached
        while rate and number < ended:
            yield begun + (number - reached) / rate
            number += 1
        begun, reached = begun + seconds, ended


def _above_zero(rate: float) -> None:
    _not_negative(rate)
    if not rate:
        raise LoadError("A rate of 0 starts nothing: give a rate above 0")


def _not_negative(value: float) -> None:
    if not isfinite(value) or value < 0:
        raise LoadError(f"{value:g} is neither a rate nor a time: give a number from 0 up")
