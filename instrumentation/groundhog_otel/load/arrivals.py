"""When the rounds of an open-model load test are to start: pure schedules, drawn from a seed.

Rates are rounds per second. A schedule knows nothing of how the test goes, so a slow server cannot delay it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from groundhog_otel.load.errors import LoadError

__all__ = ("Arrivals", "Constant", "Poisson", "Ramp", "Replay", "Spike", "Steps")


class Arrivals(Protocol):
    """A schedule. Nothing that happens during a test changes it."""

    def times(self, duration: float, seed: int) -> Iterator[float]:
        """Return the starts, in seconds from the beginning, ascending, each below ``duration``."""
        ...

    @property
    def text(self) -> str:
        """As it is written on the command line (:func:`groundhog_otel.load.arrivals_text.parse`)."""
        ...


def _checked(*rates: float) -> None:
    if any(not (math.isfinite(rate) and rate >= 0) for rate in rates) or not any(rates):
        raise LoadError(
            f"A rate of {' to '.join(f'{rate:g}' for rate in rates)} a second starts nothing: write above 0."
        )


def _piecewise(pieces: Sequence[tuple[float, float, float]], duration: float) -> Iterator[float]:
    """Return the times at which the integral of a rate passes 0, 1, 2 …

    ``pieces``: how long each lasts, and its rate at the start and at the end, changing evenly.
    """
    begun, passed, due = 0.0, 0.0, 0
    for lasting, first, last in pieces:
        lasting = min(lasting, duration - begun)  # noqa: PLW2901 - the rest is over the end
        if lasting <= 0:
            return
        slope = (last - first) / lasting
        whole = (first + last) / 2 * lasting
        while due < passed + whole:
            missing = due - passed
            # first * t + slope / 2 * t² = missing, in the form that loses no digits where the slope is small.
            root = math.sqrt(max(first * first + 2 * slope * missing, 0.0))
            at = begun + (2 * missing / (first + root) if first + root > 0 else 0.0)
            if at >= duration:
                return
            yield at
            due += 1
        begun, passed = begun + lasting, passed + whole


@dataclass(frozen=True, slots=True)
class Constant:
    """One every 1/rate seconds."""

    rate: float

    def __post_init__(self) -> None:
        _checked(self.rate)

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        index = 0
        while (at := index / self.rate) < duration:
            yield at
            index += 1

    @property
    def text(self) -> str:
        """``constant:200``."""
        return f"constant:{self.rate:g}"


@dataclass(frozen=True, slots=True)
class Poisson:
    """As independent users arrive: the gaps are exponentially distributed."""

    rate: float

    def __post_init__(self) -> None:
        _checked(self.rate)

    def times(self, duration: float, seed: int) -> Iterator[float]:
        """Return the starts."""
        draw = random.Random(seed)  # noqa: S311 - a schedule to be repeated, no secret
        at = draw.expovariate(self.rate)
        while at < duration:
            yield at
            at += draw.expovariate(self.rate)

    @property
    def text(self) -> str:
        """``poisson:200``."""
        return f"poisson:{self.rate:g}"


@dataclass(frozen=True, slots=True)
class Ramp:
    """From one rate to another, evenly over the whole test."""

    first: float
    last: float

    def __post_init__(self) -> None:
        _checked(self.first, self.last)

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        return _piecewise([(duration, self.first, self.last)], duration)

    @property
    def text(self) -> str:
        """``ramp:10-500``."""
        return f"ramp:{self.first:g}-{self.last:g}"


@dataclass(frozen=True, slots=True)
class Steps:
    """One rate after the other; the last one goes on to the end."""

    steps: tuple[tuple[float, float], ...]
    """Each a rate, and for how many seconds."""

    def __post_init__(self) -> None:
        _checked(*(rate for rate, _ in self.steps))
        if any(not lasting > 0 for _, lasting in self.steps):
            raise LoadError("A step that lasts 0 s or less is none: write how many seconds each takes.")

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        pieces = [(lasting, rate, rate) for rate, lasting in self.steps]
        return _piecewise([*pieces, (duration, self.steps[-1][0], self.steps[-1][0])], duration)

    @property
    def text(self) -> str:
        """``steps:50x10,100x10``."""
        return "steps:" + ",".join(f"{rate:g}x{lasting:g}" for rate, lasting in self.steps)


@dataclass(frozen=True, slots=True)
class Spike:
    """A rate, and another one for a while."""

    base: float
    peak: float
    at: float
    """Seconds from the beginning."""
    lasting: float
    """Seconds."""

    def __post_init__(self) -> None:
        _checked(self.base, self.peak)
        if not (self.at >= 0 and self.lasting > 0):
            raise LoadError("A spike begins at 0 s or later, and lasts more than 0 s.")

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        base = (duration, self.base, self.base)
        before = [(self.at, self.base, self.base)] if self.at else []
        return _piecewise([*before, (self.lasting, self.peak, self.peak), base], duration)

    @property
    def text(self) -> str:
        """``spike:50-400@10x5``."""
        return f"spike:{self.base:g}-{self.peak:g}@{self.at:g}x{self.lasting:g}"


@dataclass(frozen=True, slots=True)
class Replay:
    """As it was once: the starts of operations in a recording (:func:`groundhog_otel.load.replay.recorded_starts`)."""

    starts: tuple[float, ...]
    """Seconds from the first one, ascending."""
    source: str = ""

    def __post_init__(self) -> None:
        if not self.starts:
            raise LoadError("There is nothing to replay: the recording holds no operation of an MCP client.")

    def times(self, duration: float, seed: int) -> Iterator[float]:  # noqa: ARG002 - nothing is drawn
        """Return the starts."""
        for at in self.starts:
            if at >= duration:
                return
            yield at

    @property
    def text(self) -> str:
        """``replay:FOLDER``."""
        return f"replay:{self.source}"
