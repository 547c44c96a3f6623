"""From values to places on an axis, and the values that an axis names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

__all__ = ("Scale", "linear", "logarithmic", "nines", "seconds")

_STEPS: Final = (1, 2, 5)
_FINER_STEPS: Final = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: ``ticks`` and what lies between them are mapped to 0 at its beginning, 1 at its end."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    place: Callable[[float], float]

    def at(self, value: float) -> float:
        """Return where a value is, 0 to 1; one beyond the axis is at its end."""
        low, high = self.place(self.low), self.place(self.high)
        return (self.place(min(max(value, self.low), self.high)) - low) / (high - low)


def linear(
    values: Iterable[float], label: Callable[[float], str], *, most: int = 6, to_data: bool = False, whole: bool = False
) -> Scale:
    """Return an axis from 0 to beyond the largest value; ``to_data`` ends it there, ``whole`` names no fractions."""
    high = max(values, default=0.0) or 1.0
    step = max(_round_step(high / most), 1.0 if whole else 0.0)
    last = floor(high / step + 1e-9) if to_data else ceil(high / step - 1e-9)
    ticks = tuple((count * step, label(count * step)) for count in range(last + 1))
    return Scale(0.0, high if to_data else last * step, ticks, float)


def logarithmic(values: Iterable[float], label: Callable[[float], str]) -> Scale:
    """Return an axis of equal ratios around values above 0, between round numbers."""
    positive = [value for value in values if value > 0] or [0.001, 1.0]
    low, high = min(positive), max(positive)
    rungs = _ladder(low, high, _STEPS)
    if len(rungs) < 4:
        rungs = _ladder(low, high, _FINER_STEPS)
    named = rungs if len(rungs) <= 9 else _thinned(rungs)
    return Scale(rungs[0], rungs[-1], tuple((rung, label(rung)) for rung in named), log10)


def nines(count: int) -> Scale:
    """Return the axis of percentiles on which each further nine takes the same room, for ``count`` requests.

    As in the plots of HdrHistogram. It ends at the largest of them.
    """
    ticks = [(50.0, "p50"), (90.0, "p90")]
    percents: Sequence[tuple[float, str]] = [(100 - 10.0**-digits, f"p99.{'9' * digits}") for digits in range(1, 6)]
    ticks += [(99.0, "p99"), *percents]
    high = 100 * (1 - 0.5 / max(count, 2))
    return Scale(0.0, high, tuple(tick for tick in ticks if tick[0] <= high), lambda percent: -log10(1 - percent / 100))


def seconds(value: float) -> str:
    """Return the label of a latency on an axis."""
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def _round_step(least: float) -> float:
    decade = 10.0 ** floor(log10(least))
    return next(step * decade for step in (1, 2, 5, 10) if step * decade >= least * (1 - 1e-9))


def _ladder(low: float, high: float, steps: Sequence[float]) -> list[float]:
    """Return round numbers from the last one at or below ``low`` to the first at or above ``high``."""
    decades = range(floor(log10(low)) - 1, ceil(log10(high)) + 2)
    rungs = [float(f"{step}e{decade}") for decade in decades for step in steps]
    first = max(index for index, rung in enumerate(rungs) if rung <= low * (1 + 1e-9))
    last = min(index for index, rung in enumerate(rungs) if rung >= high * (1 - 1e-9))
    return rungs[first : max(last, first + 1) + 1]


def _thinned(rungs: list[float]) -> list[float]:
    """Keep the powers of ten, so many of them that their labels have room."""
    tens = [rung for rung in rungs if abs(log10(rung) - round(log10(rung))) < 1e-9]
    return tens[:: ceil(len(tens) / 7)]
