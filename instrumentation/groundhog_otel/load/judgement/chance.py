"""What chance explains of a count, and what it does not: the binomial distribution, one-sided, at 95 %."""

from __future__ import annotations

from typing import Final

from scipy import stats

__all__ = ("CONFIDENCE", "few_enough", "too_many")

CONFIDENCE: Final = 0.95


def too_many(bad: int, count: int, allowed: float) -> bool:
    """Whether, were the true share ``allowed``, ``bad`` or more of ``count`` would occur in less than 5 % of tests."""
    return bool(stats.binom.sf(bad - 1, count, allowed) < 1 - CONFIDENCE)


def few_enough(bad: int, count: int, allowed: float) -> bool:
    """Whether, were the true share more than ``allowed``, ``bad`` or less would occur in less than 5 % of tests."""
    return bool(stats.binom.cdf(bad, count, allowed) < 1 - CONFIDENCE)
