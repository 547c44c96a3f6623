"""Whether a result says something of the server at all, or of the generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from groundhog_otel.load.judgement.chance import too_many
from groundhog_otel.load.judgement.counts import Counts
from groundhog_otel.load.judgement.percentiles import needed
from groundhog_otel.load.results.result import LoadResult, SelfCheck
from groundhog_otel.report.units import amount, duration, rate, share

__all__ = ("faults", "notes")

_MOST_CPU: Final = 0.9
_MOST_DELAY: Final = 0.1
"""Of the response latency at p99: as much of it may be the generator's own."""
_LEAST_DELAY_S: Final = 0.001
"""Below it, scheduling is as good as an operating system's is."""
_MOST_LATE: Final = 0.01
_LEAST_LATE: Final = 3
"""Requests: one or two may be late on any machine, however few there are."""
_MOST_GC: Final = 0.05
_LEAST_KEPT: Final = 0.95
"""Of the rounds that were due: as many were begun while the schedule went on."""
_QUEUEING: Final = 1.1
_APART_S: Final = 1.0
"""Windows are as long, and clocks of different machines differ."""


def faults(result: LoadResult) -> tuple[str, ...]:
    """Return why a result is not valid, a sentence each: the generator was the bottleneck, or nothing was counted.

    The generator was one when it began fewer than 95 % of the rounds that were due while the schedule went on. A worker
    was when it used 90 % of a CPU or more over the test; when, at p99, it began requests late by more than
    1 ms and by more than a tenth of the response latency; or when the garbage collector stopped it for 5 % of the test.
    Of rounds and late requests, so many it takes that chance explains them in less than 5 % of tests (binomial): one
    request in a hundred says nothing, in a short test. A divided test is not valid without all of its parts.
    """
    return tuple(_faults(result))


def notes(result: LoadResult) -> tuple[str, ...]:
    """Return what whoever reads a result has to know, a sentence each, though it is valid."""
    return tuple(_notes(result))


def _faults(result: LoadResult) -> Iterator[str]:
    if not any(one.count for one in result.operations):
        yield "no request was counted: make the test longer than its warm-up, and look at the errors"
        return
    here = {check.worker for check in result.self_checks}
    missing = [f"{number + 1}/{result.shares}" for number in range(result.shares) if number not in here]
    if missing and result.shares > 1:
        yield (
            f"of its parts, {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing, so the load was not"
            " what it should be: see why, and merge all of them"
        )
    due, begun = sum(check.due for check in result.self_checks), sum(check.begun for check in result.self_checks)
    if begun < _LEAST_KEPT * due and too_many(due - begun, due, 1 - _LEAST_KEPT) and result.duration_s > 0:
        yield (
            f"the schedule wanted {rate(due / result.duration_s)} and the generator began only"
            f" {rate(begun / result.duration_s)}: use more workers, or less load"
        )
    p99_s = _p99_s(result)
    for check in result.self_checks:
        yield from _worker(check, p99_s, result)


@dataclass(frozen=True, slots=True)
class _Late:
    """Requests that a worker began too late for their p99 to be the server's."""

    number: int
    of: int
    than_s: float

    @property
    def proven(self) -> bool:
        """Whether chance does not explain so many of them."""
        return self.number >= _LEAST_LATE and too_many(self.number, self.of, _MOST_LATE)


def _late(check: SelfCheck, p99_s: float) -> _Late:
    than_s = max(_LEAST_DELAY_S, _MOST_DELAY * p99_s)
    errors = Counts.of([check.scheduling_errors or None])
    return _Late(errors.above(than_s), errors.total, than_s)


def _p99_s(result: LoadResult) -> float:
    """Return the response latency at p99 of the fastest operation."""
    return min((Counts.of([one.response]).at(99) for one in result.operations if one.count), default=0.0)


def _worker(check: SelfCheck, p99_s: float, result: LoadResult) -> Iterator[str]:
    worker = f"worker {check.worker} of the generator"
    if check.cpu_share >= _MOST_CPU and not _in_memory(result):
        yield f"{worker} used {share(check.cpu_share)} of a CPU and could not do more: use more workers, or less load"
    late = _late(check, p99_s)
    if late.proven:
        yield (
            f"{worker} began {late.number:,} of {late.of:,} requests more than {duration(late.than_s)} late, beside a"
            f" p99 of {duration(p99_s)}: use more workers, or less load, or a machine with less else to do"
        )
    if result.duration_s > 0 and check.gc_pause_total_s / result.duration_s > _MOST_GC:
        yield (
            f"{worker} was stopped by the garbage collector for {share(check.gc_pause_total_s / result.duration_s)}"
            " of the test: use more workers, or less load"
        )


def _notes(result: LoadResult) -> Iterator[str]:
    if result.interrupted is not None:
        yield f"the test ended early ({result.interrupted}): what was recorded until then is judged"
    for lost in result.lost:
        yield (
            f"of worker {lost.worker} of the generator, which has died, {duration(lost.from_s)} to"
            f" {duration(lost.to_s)} of the test is missing: neither counted nor in any rate"
        )
    if result.unfinished:
        yield (
            f"{amount(result.unfinished, 'request')} had no answer when the test was over: counted as an error each,"
            " and with the time until then"
        )
    if result.shares > 1 and result.begun_apart_s > _APART_S:
        yield (
            f"its parts began {duration(result.begun_apart_s)} apart, so the load was not whole at either end: let them"
            " begin at the same time (--begin-at)"
        )
    if _in_memory(result):
        yield "the server ran in the generator's process, so their CPU time cannot be told apart"
    p99_s = _p99_s(result)
    for check in result.self_checks:
        if check.cpu_share_max >= _MOST_CPU > check.cpu_share and not _in_memory(result):
            yield f"worker {check.worker} of the generator used {share(check.cpu_share_max)} of a CPU at its busiest"
        late = _late(check, p99_s)
        if late.number > _MOST_LATE * late.of and not late.proven:
            yield (
                f"worker {check.worker} of the generator began {late.number:,} of {late.of:,} requests more than"
                f" {duration(late.than_s)} late; so few may be chance"
            )
    for one in result.operations:
        response, service = Counts.of([one.response]), Counts.of([one.service])
        if response.total < needed(99):
            continue  # as in the table, which gives none then
        response_s, service_s = response.at(99), service.at(99)
        if response_s > _QUEUEING * service_s:
            yield (
                f"{one.name} is queueing: p99 is {duration(response_s)} from when requests were due, and"
                f" {duration(service_s)} from when they were sent"
            )


def _in_memory(result: LoadResult) -> bool:
    return result.server is not None and result.server.transport == "memory"
