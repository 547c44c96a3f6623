"""The Universal Scalability Law: how throughput depends on concurrency, with what is uncertain about it.

``X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))``: lambda is what one client gets alone, sigma the share of
the work that one at a time can do (contention), kappa what keeping everybody's state alike costs (coherency). Gunther,
"Guerrilla Capacity Planning" (2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ("Between", "Fit", "knee", "peak", "throughput")


@dataclass(frozen=True, slots=True)
class Between:
    """A value and the interval that holds the true one at the stated confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The law, fitted to a sweep."""

    per_client: Between
    """Lambda: requests per second of a client that is alone."""
    contention: Between
    """Sigma, 0 or more."""
    coherency: Between
    """Kappa, 0 or more."""
    knee: Between | None
    """The concurrency of the highest throughput. None where it is beyond what was measured; its upper end is infinite
    where the measurements allow for none at all."""
    peak: Between | None
    """The throughput there, in requests per second."""
    r2: float
    """The share of the variance of throughput between steps that the law explains."""
    confidence: float
    problem: str | None
    """Why the law should not be relied on; None when nothing speaks against it."""
    steps: int
    band: tuple[tuple[float, Between], ...] = ()
    """The law's throughput over the concurrencies that were measured, each with its interval: for a chart."""

    @property
    def usable(self) -> bool:
        """Whether predictions can be made of it."""
        return self.problem is None


def throughput(concurrency: float, per_client: float, contention: float, coherency: float) -> float:
    """Return the law's throughput, in the unit of ``per_client``."""
    others = concurrency - 1
    return per_client * concurrency / (1 + contention * others + coherency * concurrency * others)


def knee(contention: float, coherency: float) -> float:
    """Return the concurrency of the law's highest throughput; infinite where there is none."""
    if contention >= 1:
        return 1.0
    return max(math.sqrt((1 - contention) / coherency), 1.0) if coherency > 1e-15 else math.inf


def peak(at: float, per_client: float, contention: float, coherency: float) -> float:
    """Return the throughput at a knee, or what it nears where that is infinite."""
    if math.isinf(at):
        return per_client / contention if contention > 0 else math.inf
    return throughput(at, per_client, contention, coherency)
