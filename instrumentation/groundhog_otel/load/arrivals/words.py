"""Schedules as they are written on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from groundhog_otel.load.amounts import rate_of, seconds_of
from groundhog_otel.load.arrivals.protocol import Arrivals
from groundhog_otel.load.arrivals.recorded import replay_of
from groundhog_otel.load.arrivals.schedules import Constant, Poisson, Ramp, Spike, Steps
from groundhog_otel.load.errors import LoadError

__all__ = ("FORMS", "parse")

FORMS: Final = {
    "constant": "constant:100/s",
    "poisson": "poisson:100/s",
    "ramp": "ramp:10/s,200/s",
    "steps": "steps:50/s for 30s,100/s for 1min",
    "spike": "spike:50/s,500/s at 20s for 5s",
    "replay": "replay:.groundhog",
}
"""An example of each."""


def parse(words: str) -> Arrivals:
    """Return the schedule that ``words`` name: one of :data:`FORMS`, or a rate alone, which is a constant one.

    Raises:
        LoadError: it is none of these, or there is nothing to replay.
    """
    kind, colon, rest = words.strip().partition(":")
    if not colon:
        return Constant(rate_of(words))
    if kind not in _MAKERS:
        raise LoadError(f"{kind!r} is no kind of arrivals; write one like: {'  '.join(FORMS.values())}")
    try:
        return _MAKERS[kind](rest.strip())
    except ValueError:
        raise LoadError(f"{words!r} is not understood: write it like {FORMS[kind]}") from None


def _ramp(rest: str) -> Arrivals:
    first, last = rest.split(",")
    return Ramp(rate_of(first), rate_of(last))


def _steps(rest: str) -> Arrivals:
    parts = [part.split(" for ") for part in rest.split(",")]
    return Steps(tuple((rate_of(rate), seconds_of(lasting)) for rate, lasting in parts))


def _spike(rest: str) -> Arrivals:
    base, rest = rest.split(",")
    peak, rest = rest.split(" at ")
    at, lasting = rest.split(" for ")
    return Spike(rate_of(base), rate_of(peak), seconds_of(at), seconds_of(lasting))


_MAKERS: Final[dict[str, Callable[[str], Arrivals]]] = {
    "constant": lambda rest: Constant(rate_of(rest)),
    "poisson": lambda rest: Poisson(rate_of(rest)),
    "ramp": _ramp,
    "steps": _steps,
    "spike": _spike,
    "replay": lambda rest: replay_of(Path(rest)),
}
