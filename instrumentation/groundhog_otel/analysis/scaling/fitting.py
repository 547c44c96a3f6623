"""The Universal Scalability Law fitted to a sweep, with how far chance may have moved what comes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from groundhog_otel.analysis.scaling.law import Between, Fit, knee, peak, throughput

__all__ = ("Throughput", "fit")

Floats = NDArray[np.float64]

_BAND: Final = 40
_LEAST_STEPS: Final = 4
_RESAMPLES: Final = 1000
_LEAST_R2: Final = 0.9
_MOST_DEVIATION: Final = 0.1
"""Relative. A throughput that hardly changes leaves little variance to explain: it may still be explained well."""
_LEAST_SPREAD: Final = 1e-4
"""Of the throughput: a step that seems to be measured better than this would outweigh all others."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was got through at one concurrency: one step of a sweep."""

    concurrency: float
    """1 or more; where it varied, its mean."""
    windows: tuple[float, ...]
    """Requests per second, in each window."""

    @property
    def mean(self) -> float:
        """Requests per second."""
        return sum(self.windows) / len(self.windows)


def fit(steps: Sequence[Throughput], *, confidence: float = 0.95, seed: int = 0) -> Fit | None:
    """Fit the law to a sweep; None with fewer than three concurrencies, which any three parameters fit.

    N/X is linear in the parameters, so they are found by weighted, non-negative least squares on relative deviations:
    one optimum, no starting values. Their intervals come from drawing the windows of each step anew and fitting again.
    Where steps are further from the law than their windows explain (the machine was slower that minute; the law is only
    nearly true), deviations are enlarged until they do (Birge's ratio), so that this is in the intervals too. They know
    nothing of what is wrong in every step alike. At the bound of zero, and of five steps that scatter, they are
    approximate: those of 95 % hold the truth in some 86 to 90 %.

    Raises:
        ValueError: a step has no window, or no throughput.
    """
    steps = sorted(steps, key=lambda step: step.concurrency)
    if any(not step.windows or step.mean <= 0 or step.concurrency < 1 for step in steps):
        raise ValueError("each step needs a concurrency of 1 or more, and a throughput above 0")
    concurrency = np.array([float(step.concurrency) for step in steps])
    if len(set(concurrency.tolist())) < 3:
        return None
    measured = np.array([step.mean for step in steps])
    spread = np.maximum(np.array([_spread(step) for step in steps]), _LEAST_SPREAD)
    found = _parameters(concurrency, measured, spread)
    model = _model(concurrency, found)
    excess = _birge(measured, model, spread, confidence)
    generator = np.random.default_rng(seed)
    drawn = measured * np.exp(excess * np.column_stack([_drawn(step, generator) for step in steps]))
    resampled = np.array([_parameters(concurrency, row, spread) for row in drawn])
    knees = np.array([knee(row[1], row[2]) for row in resampled])
    top = Between(knee(found[1], found[2]), *_ends(knees, confidence))
    largest = float(concurrency[-1])
    inside = top.value <= largest
    peaks = np.array([peak(at, *row) for row, at in zip(resampled, knees, strict=True)])
    r2 = 1 - float(((measured - model) ** 2).sum() / max(float(((measured - measured.mean()) ** 2).sum()), 1e-300))
    per_client, contention, coherency = (
        Between(float(found[i]), *_ends(resampled[:, i], confidence)) for i in range(len(found))
    )
    band = tuple(
        (
            float(at),
            Between(throughput(at, *found), *_ends(np.array([throughput(at, *row) for row in resampled]), confidence)),
        )
        for at in np.linspace(1, largest, _BAND)
    )
    return Fit(
        per_client=per_client,
        contention=contention,
        coherency=coherency,
        knee=top if inside else None,
        peak=Between(float(peak(top.value, *found)), *_ends(peaks, confidence)) if inside else None,
        r2=r2,
        confidence=confidence,
        problem=_problem(steps, r2, float(np.abs(measured / model - 1).max()), beyond=None if inside else top.low),
        steps=len(steps),
        band=band,
    )


def _problem(steps: Sequence[Throughput], r2: float, deviation: float, *, beyond: float | None) -> str | None:
    """``beyond`` is the lower end of a knee that is past the last step."""
    largest = steps[-1].concurrency
    if len({step.concurrency for step in steps}) < _LEAST_STEPS:
        return f"{len(steps)} steps are too few for a law of three parameters: measure {_LEAST_STEPS} or more"
    if r2 < _LEAST_R2 and deviation > _MOST_DEVIATION:
        return f"the law explains {max(r2, 0):.0%} of what was measured: throughput depends on something else as well"
    if beyond is not None:
        least = f", at {beyond:.0f} or more" if largest < beyond < math.inf else ""
        return f"the knee is beyond what was measured (concurrency {largest}){least}: measure higher concurrencies"
    return None


def _parameters(concurrency: Floats, measured: Floats, spread: Floats) -> Floats:
    """Return lambda, sigma and kappa; N/X is a sum of 1, N - 1 and N (N - 1), weighted by them over lambda."""
    others = concurrency - 1
    weights = measured / concurrency / spread
    terms = np.column_stack([np.ones_like(concurrency), others, concurrency * others]) * weights[:, None]
    scale = np.sqrt((terms**2).sum(axis=0))
    solution, _ = optimize.nnls(terms / scale, 1 / spread)
    alone, contended, coherent = solution / scale
    alone = max(float(alone), 1e-12)
    return np.array([1 / alone, contended / alone, coherent / alone])


def _model(concurrency: Floats, found: Floats) -> Floats:
    per_client, contention, coherency = (float(one) for one in found)
    return np.array([throughput(float(one), per_client, contention, coherency) for one in concurrency])


def _spread(step: Throughput) -> float:
    """Return the standard error of a step's throughput, relative to it."""
    if len(step.windows) < 2:
        return 0.0
    return float(np.std(step.windows, ddof=1)) / math.sqrt(len(step.windows)) / step.mean


def _birge(measured: Floats, model: Floats, spread: Floats, confidence: float) -> float:
    """Return by how much deviations are to be enlarged: never below 1; and more for few steps, as of Student's t."""
    free = len(measured) - 3
    if free < 1:
        return 1.0
    chi2 = float((((measured - model) / model / spread) ** 2).sum()) / free
    if chi2 <= 1:
        return 1.0
    few = float(stats.t.ppf((1 + confidence) / 2, free) / stats.norm.ppf((1 + confidence) / 2))
    # Where the windows explain the deviations, how well they are known does not depend on the number of steps.
    return math.sqrt(chi2) * (few if chi2 > stats.chi2.ppf(confidence, free) / free else 1.0)


def _drawn(step: Throughput, generator: np.random.Generator) -> Floats:
    """Return the logarithms of resampled throughputs over the step's own."""
    windows, number = np.array(step.windows), len(step.windows)
    if number < 2:
        return generator.normal(0, _LEAST_SPREAD, _RESAMPLES)
    means = windows[generator.integers(0, number, (_RESAMPLES, number))].mean(axis=1)
    few = math.sqrt(number / (number - 1))
    return np.asarray(few * np.log(np.maximum(means, step.mean * 1e-6) / step.mean), dtype=np.float64)


def _ends(values: Floats, confidence: float) -> tuple[float, float]:
    # By rank: between a finite knee and an infinite one there is nothing to interpolate.
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], method="nearest")
    return float(low), float(high)
