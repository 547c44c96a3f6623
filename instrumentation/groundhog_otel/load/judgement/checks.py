"""One threshold, held against what was measured: met, missed, or not to be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from groundhog_otel.load.judgement.chance import CONFIDENCE, few_enough, too_many
from groundhog_otel.load.judgement.counts import Counts
from groundhog_otel.load.judgement.percentiles import TooFew, estimate_counts
from groundhog_otel.load.judgement.thresholds import percent_of, text
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.results.result import UNFINISHED, LoadResult, OperationResult
from groundhog_otel.report.units import amount, duration, share

__all__ = ("Check", "Outcome", "checked")

Outcome = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True, slots=True)
class Check:
    """One threshold, held against one operation, or against all of them together."""

    threshold: Threshold
    operation: str | None
    """None for all of them together."""
    outcome: Outcome
    measured: float | None
    """In the threshold's unit; None where there are too few requests."""
    sentence: str
    """What was found, for a person."""
    certain: bool = True
    """Whether chance is ruled out, at 95 %; where it is not, another test may end on the other side of the bound."""


def checked(result: LoadResult, threshold: Threshold) -> Iterator[Check]:
    """Yield a check for each operation that a threshold is about."""
    if threshold.measure == "rate":
        yield _rate(result, threshold)
        return
    chosen = [one for one in result.operations if threshold.operation in (None, one.name)]
    if not chosen:
        known = ", ".join(one.name for one in result.operations) or "none"
        sentence = f"{text(threshold)} is undecided: no request of this name was counted; there were: {known}"
        yield Check(threshold, threshold.operation, "undecided", None, sentence, certain=False)
    for one in chosen:
        percent = percent_of(threshold.measure)
        if threshold.measure == "error_rate":
            yield _errors(threshold, one)
        elif percent is not None:
            yield _percentile(result, threshold, one, percent)
        else:
            yield _maximum(threshold, one)


def _rate(result: LoadResult, threshold: Threshold) -> Check:
    chosen = [one for one in result.operations if threshold.operation in (None, one.name)]
    answered = sum(one.count - sum(one.errors.values()) for one in chosen)
    rate = answered / result.duration_s if result.duration_s > 0 else 0.0
    whose = threshold.operation or "all operations"
    outcome: Outcome = "passed" if rate >= threshold.value else "failed"
    sentence = f"{whose}: {rate:.4g} requests/s were answered without an error ({text(threshold)})"
    return Check(threshold, threshold.operation, outcome, rate, sentence)


def _maximum(threshold: Threshold, one: OperationResult) -> Check:
    counts = Counts.of([one.response])
    sentence = f"{one.name}: the slowest took {duration(counts.max_s)} ({_bound(threshold)})"
    if counts.above(threshold.value):
        return Check(threshold, one.name, "failed", counts.max_s, sentence)
    if not counts.total or _unanswered(one):
        sentence += "; undecided, since there are requests without an answer" if counts.total else "; there was none"
        return Check(threshold, one.name, "undecided", counts.max_s, sentence, certain=False)
    return Check(threshold, one.name, "passed", counts.max_s, sentence)


def _errors(threshold: Threshold, one: OperationResult) -> Check:
    failed, bound = sum(one.errors.values()), threshold.value
    if not one.count:
        return Check(threshold, one.name, "undecided", None, f"{one.name}: no request was counted", certain=False)
    measured = failed / one.count
    sentence = f"{one.name}: {share(measured)} of {amount(one.count, 'request')} failed ({_bound(threshold)})"
    if failed:
        sentence += "; " + ", ".join(f"{count:,} {name}" for name, count in sorted(one.errors.items()))
    if measured > bound:
        return Check(threshold, one.name, "failed", measured, sentence, too_many(failed, one.count, bound))
    return Check(threshold, one.name, "passed", measured, sentence, few_enough(failed, one.count, bound))


def _percentile(result: LoadResult, threshold: Threshold, one: OperationResult, percent: float) -> Check:
    counts, bound_s = Counts.of([one.response]), threshold.value
    allowed, above = 1 - percent / 100, counts.above(bound_s)
    windows = Counts.of(window.response.get(one.name) for window in result.windows)
    found = estimate_counts(counts, percent, confidence=CONFIDENCE, windows=windows)
    tally = f"{above:,} of {amount(counts.total, 'request')} took longer than {duration(bound_s)}"
    given_up = _given_up(one, above, allowed)
    if isinstance(found, TooFew):
        return _from_few(threshold, one, found, above=above, allowed=allowed, given_up=given_up)
    sentence = (
        f"{one.name}: {threshold.measure} is {duration(found.value_s)}, between {duration(found.low_s)} and"
        f" {duration(found.high_s)} ({_bound(threshold)}); {tally}"
    )
    # Compared by the share, not by the value: the histogram's value is the upper end of a bin that may hold the bound.
    if above > allowed * counts.total * (1 + 1e-9):
        return Check(threshold, one.name, "failed", found.value_s, sentence, found.low_s > bound_s)
    if given_up:
        return Check(threshold, one.name, "undecided", found.value_s, f"{sentence}; undecided: {given_up}", False)
    return Check(threshold, one.name, "passed", found.value_s, sentence, found.high_s <= bound_s)


def _from_few(
    threshold: Threshold, one: OperationResult, found: TooFew, *, above: int, allowed: float, given_up: str
) -> Check:
    few = f"{one.name}: {threshold.measure} takes {found.needed:,} requests and there were {found.count:,}"
    limit = duration(threshold.value)
    if found.count and not above and not given_up:
        sentence = f"{few}; all of them took at most {limit}"
        return Check(threshold, one.name, "passed", None, sentence, certain=False)
    if above and too_many(above, found.count, allowed):
        sentence = f"{few}; but {above:,} took longer than {limit}, and with that bound met so many hardly ever do"
        return Check(threshold, one.name, "failed", None, sentence)
    why = given_up or f"{above} took longer than {limit}, which can be chance"
    sentence = f"{few}; {why}. Make the test longer" if found.count else few
    return Check(threshold, one.name, "undecided", None, sentence, certain=False)


def _unanswered(one: OperationResult) -> int:
    """Return how many requests had no answer when the test was over: they are counted with the time until then."""
    return one.errors.get(UNFINISHED, 0)


def _given_up(one: OperationResult, above: int, allowed: float) -> str:
    """Return what to say when the unanswered requests might yet have exceeded the bound, and with them too many."""
    unanswered = _unanswered(one)
    if unanswered and above + unanswered > allowed * one.count:
        return f"{unanswered} had no answer when the test was over"
    return ""


def _bound(threshold: Threshold) -> str:
    return text(Threshold(threshold.measure, threshold.at, threshold.value))
