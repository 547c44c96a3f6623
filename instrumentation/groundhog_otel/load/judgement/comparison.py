"""Two load tests compared: what has changed by more than chance, and by enough to matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from groundhog_otel.load.judgement.changes import Change, Comparison, ErrorChange, Finding, OperationChange
from groundhog_otel.load.judgement.counts import Counts, Integers
from groundhog_otel.load.judgement.differences import differences
from groundhog_otel.load.judgement.percentiles import needed
from groundhog_otel.load.judgement.ranks import mann_whitney, wins
from groundhog_otel.load.judgement.resampling import (
    LEAST_BLOCKS,
    blocks_of,
    draws,
    interval,
    percentiles,
    resamples_for,
)
from groundhog_otel.load.results.result import LoadResult, OperationResult
from groundhog_otel.report.units import duration, share

__all__ = ("compare",)

_PERCENTS: Final = (50.0, 99.0)
_COARSE: Final = 5
"""Times what matters: where a change as large as that cannot be ruled out, nothing can be said."""
_RELEVANT_ERRORS: Final = 0.01


def compare(
    baseline: LoadResult, result: LoadResult, *, relevant: float = 0.05, confidence: float = 0.95, seed: int = 0
) -> Comparison:
    """Compare a result with a baseline, operation by operation.

    A percentile is *worse* or *better* when both hold: the interval of its change excludes none at all, and the change
    is at least ``relevant`` (a share of the baseline). Neither is enough: ten million requests make 0.1 % certain, and
    five of them make 50 % of chance. It is *no difference* when the interval leaves no room for a change of five times
    ``relevant``, else *too little data*. Errors are compared by Fisher's exact test, and matter from one request in a
    hundred on. An operation is worse when its p50, its p99 or its errors are.

    Intervals come from drawing slices of each test again and again (a block bootstrap), for neighbouring requests are
    alike. It takes ten windows of either test. ``confidence`` is that of all operations and measures together: of
    twenty pairs of tests between which nothing has changed, one or less shows any change (Bonferroni).

    Raises:
        LoadError: a histogram has another layout than those of load tests.
    """
    before = {one.name: one for one in baseline.operations}
    names = [one.name for one in result.operations if one.name in before]
    single = 1 - (1 - confidence) / max((len(_PERCENTS) + 1) * len(names), 1)
    how = _How(relevant, single, np.random.default_rng(seed))
    now = {one.name: one for one in result.operations}
    pairs = [_Pair(before[name], now[name], _windows(baseline, result, name)) for name in names]
    return Comparison(
        operations=tuple(_operation(pair, how) for pair in pairs),
        notes=differences(baseline, result),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """An operation of both tests."""

    before: OperationResult
    now: OperationResult
    windows: tuple[Counts, Counts]
    """By the same bins."""


@dataclass(frozen=True, slots=True)
class _How:
    """What one measure of one operation is compared by."""

    relevant: float
    confidence: float
    generator: np.random.Generator

    def drawn(self, blocks: tuple[Counts, Counts]) -> tuple[tuple[Integers, Integers], int]:
        """Return resamples of both tests, and how many blocks the fewer of them have."""
        sizes = len(blocks[0].slices), len(blocks[1].slices)
        resamples = resamples_for(min(sizes), self.confidence)
        return (draws(sizes[0], resamples, self.generator), draws(sizes[1], resamples, self.generator)), min(sizes)


def _windows(baseline: LoadResult, result: LoadResult, name: str) -> tuple[Counts, Counts]:
    both = Counts.of(window.response.get(name) for one in (baseline, result) for window in one.windows)
    length = len(baseline.windows)
    return (
        Counts(both.low_s, both.high_s, both.slices[:length]),
        Counts(both.low_s, both.high_s, both.slices[length:]),
    )


def _operation(pair: _Pair, how: _How) -> OperationChange:
    first, second = pair.windows
    errors = _errors(pair, how.confidence)
    ranks = mann_whitney(first.whole(), second.whole())
    lacking = _lacking(first, second)
    if lacking:
        finding: Finding = "worse" if errors.finding == "worse" else "too little data"
        sentence = "; ".join(filter(None, (_said_of(errors), f"{pair.now.name}: {lacking}")))
        return OperationChange(pair.now.name, finding, sentence, (), errors, ranks, (0.0, 1.0), lacking)
    changes = tuple(_change(first, second, percent, how) for percent in _PERCENTS)
    finding = _worst([*(change.finding for change in changes), errors.finding])
    sentence = f"{pair.now.name}: {finding}: " + "; ".join(
        [*filter(None, [_said_of(errors)]), *(change.sentence for change in changes)]
    )
    chance = _chance(first, second, how)
    return OperationChange(pair.now.name, finding, sentence, changes, errors, ranks, chance)


def _worst(findings: list[Finding]) -> Finding:
    order: tuple[Finding, ...] = ("worse", "too little data", "better")
    return next((finding for finding in order if finding in findings), "no difference")


def _lacking(first: Counts, second: Counts) -> str:
    windows, requests = min(len(first.slices), len(second.slices)), min(first.total, second.total)
    if windows < LEAST_BLOCKS:
        return f"it takes {LEAST_BLOCKS} windows of each test, and one has {windows}"
    if requests < needed(max(_PERCENTS)):
        return f"it takes {needed(max(_PERCENTS))} requests of each test, and one has {requests}"
    return ""


def _change(first: Counts, second: Counts, percent: float, how: _How) -> Change:
    blocks = blocks_of(first, percent), blocks_of(second, percent)
    drawn, number = how.drawn(blocks)
    was, now = (percentiles(one, each, percent) for one, each in zip(blocks, drawn, strict=True))
    low_s, high_s = interval(now - was, number, how.confidence)
    low, high = interval(now / was - 1, number, how.confidence)
    baseline_s, now_s = first.at(percent), second.at(percent)
    relative = now_s / baseline_s - 1
    finding: Finding = "no difference"
    if low > 0 and relative >= how.relevant:
        finding = "worse"
    elif high < 0 and relative <= -how.relevant:
        finding = "better"
    elif low <= 0 <= high and max(high, -low) > _COARSE * how.relevant:
        finding = "too little data"
    sentence = (
        f"p{percent:g} {duration(baseline_s)} before, {duration(now_s)} now ({relative:+.1%}, between {low:+.1%} and"
        f" {high:+.1%})"
    )
    return Change(percent, baseline_s, now_s, low_s, high_s, low, high, finding, sentence)


def _chance(first: Counts, second: Counts, how: _How) -> tuple[float, float]:
    blocks = blocks_of(first, 50.0), blocks_of(second, 50.0)
    drawn, number = how.drawn(blocks)
    won = wins(*(one.slices.astype(np.float64) for one in blocks))
    sizes = [each @ one.slices.sum(axis=1) for each, one in zip(drawn, blocks, strict=True)]
    pairs = np.asarray(sizes[0] * sizes[1], dtype=np.float64)
    chances = np.divide(((drawn[0] @ won) * drawn[1]).sum(axis=1), pairs, out=np.full(len(pairs), 0.5), where=pairs > 0)
    return interval(chances, number, how.confidence)


def _errors(pair: _Pair, confidence: float) -> ErrorChange:
    (bad, count), (bad_now, count_now) = (
        (sum(one.errors.values()), max(one.count, 1)) for one in (pair.before, pair.now)
    )
    table = np.array([[bad, count - bad], [bad_now, count_now - bad_now]])
    p = float(stats.fisher_exact(table)[1]) if bad or bad_now else 1.0
    change = bad_now / count_now - bad / count
    finding: Finding = "no difference"
    if p < 1 - confidence and abs(change) >= _RELEVANT_ERRORS:
        finding = "worse" if change > 0 else "better"
    return ErrorChange(bad / count, bad_now / count_now, p, finding)


def _said_of(errors: ErrorChange) -> str:
    if errors.finding == "no difference":
        return ""
    return f"{share(errors.baseline)} of requests failed before, {share(errors.now)} now"
