"""Results of several processes, or machines, made one without loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from groundhog_otel.load.engine.recorder import bounded
from groundhog_otel.load.engine.remembered import SAMPLE, slowest_of
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.results.result import LoadResult, OperationResult, Request, SelfCheck, Window
from groundhog_otel.report.units import amount

__all__ = ("merge",)


def merge(results: Sequence[LoadResult]) -> LoadResult:
    """Return the parts of a test as one result.

    Latencies and counts are those that one process would have recorded; the sample is drawn anew, from each part as
    often as its share of the requests says. Where parts differ in what there can only be one of (the run's id, the
    target, the configuration), the first one's stands.

    Raises:
        LoadError: there are none, or they are parts of different tests.
    """
    if not results:
        raise LoadError("There is nothing to merge: name the files of at least one result")
    first = results[0]
    for other in results[1:]:
        _require_same(first, other)
    _require_once(results)
    if len(results) == 1:
        return first
    counted = [one.events for one in results if one.events is not None]
    reasons = dict.fromkeys(one.interrupted for one in results if one.interrupted is not None)
    return replace(
        first,
        server=next((one.server for one in results if one.server is not None), None),
        started_at_ns=min(one.started_at_ns for one in results),
        duration_s=max(one.duration_s for one in results),
        operations=_operations(results),
        windows=_windows([one.windows for one in results]),
        self_checks=_self_checks(results),
        slowest=slowest_of(request for one in results for request in one.slowest),
        sample=_sample(results),
        connections_peak=sum(one.connections_peak for one in results),
        unfinished=sum(one.unfinished for one in results),
        interrupted="; ".join(reasons) if reasons else None,
        workers=sum(one.workers for one in results),
        events=sum(counted) if counted else None,
        reopened=sum(one.reopened for one in results),
        lost=tuple(lost for one in results for lost in one.lost),
        begun_apart_s=(max(one.started_at_ns for one in results) - min(one.started_at_ns for one in results)) / 1e9,
    )


def _require_same(first: LoadResult, other: LoadResult) -> None:
    if first.model != other.model:
        raise LoadError("An open and a closed model cannot be merged: they are two tests")
    differing = sorted(
        name
        for name in first.config.keys() | other.config.keys()
        if name != "workers" and first.config.get(name) != other.config.get(name)
    )
    if differing:
        raise LoadError(f"These results are of two tests, which differ in {', '.join(differing)}: compare them instead")
    if first.shares != other.shares:
        raise LoadError(
            f"One of these is of a test in {amount(first.shares, 'part')}, another of one in {other.shares}: merge each"
            " by itself"
        )


def _require_once(results: Sequence[LoadResult]) -> None:
    """Hold that nothing is there twice: no part of a divided test, and of whole tests, which may be many, no result."""
    workers = [check.worker for one in results for check in one.self_checks] if results[0].shares > 1 else []
    for worker in workers:
        if workers.count(worker) > 1:
            raise LoadError(f"Part {worker + 1}/{results[0].shares} of the test is there twice: give it once")
    for number, one in enumerate(results):
        if one in results[:number]:
            raise LoadError("One of these results is there twice, and would be counted twice: give it once")


def _operations(results: Sequence[LoadResult]) -> tuple[OperationResult, ...]:
    parts: dict[str, list[OperationResult]] = {}
    for result in results:
        for one in result.operations:
            parts.setdefault(one.name, []).append(one)
    return tuple(_operation(same) for _, same in sorted(parts.items()))


def _operation(same: Sequence[OperationResult]) -> OperationResult:
    errors: dict[str, int] = {}
    messages: dict[str, str] = {}
    for one in same:
        for kind, number in one.errors.items():
            counted_as = bounded(kind, errors)
            errors[counted_as] = errors.get(counted_as, 0) + number
            if kind in one.messages:
                messages.setdefault(counted_as, one.messages[kind])
    return replace(
        same[0],
        response=_added(one.response for one in same),
        service=_added(one.service for one in same),
        count=sum(one.count for one in same),
        errors=errors,
        messages=messages,
    )


def _windows(parts: Sequence[Sequence[Window]]) -> tuple[Window, ...]:
    found: list[Window] = []
    for number in range(max(map(len, parts))):
        same = [windows[number] for windows in parts if number < len(windows)]
        if len({one.start_s for one in same}) > 1:
            raise LoadError("These results are of two tests: their windows begin at different times")
        names = sorted({name for one in same for name in one.response})
        response = {name: _added(one.response[name] for one in same if name in one.response) for name in names}
        found.append(
            Window(
                start_s=same[0].start_s,
                length_s=max(one.length_s for one in same),
                count=sum(one.count for one in same),
                errors=sum(one.errors for one in same),
                response=response,
                due=sum(one.due for one in same),
            )
        )
    return tuple(found)


def _self_checks(results: Sequence[LoadResult]) -> tuple[SelfCheck, ...]:
    """Return the checks of all workers, each under a number of its own."""
    checks = [check for one in results for check in one.self_checks]
    if len({check.worker for check in checks}) < len(checks):
        checks = [replace(check, worker=number) for number, check in enumerate(checks)]
    return tuple(sorted(checks, key=lambda check: check.worker))


def _sample(results: Sequence[LoadResult]) -> tuple[Request, ...]:
    """Return a sample of all requests out of the parts' samples: each part gives as many as chance would take of it."""
    draw = Random(f"{results[0].config.get('seed')}/merge")  # noqa: S311 - a sample is no secret
    left = [sum(one.count for one in result.operations) for result in results]
    samples = [draw.sample(result.sample, len(result.sample)) for result in results]
    found: list[Request] = []
    while len(found) < SAMPLE and any(left):
        (which,) = draw.choices(range(len(left)), left)
        left[which] -= 1
        if samples[which]:
            found.append(samples[which].pop())
        else:
            left[which] = 0  # requests that were never sent are counted, and cannot be drawn
    return tuple(found)


def _added(encoded: Iterable[str]) -> str:
    whole, *others = encoded
    if not others:
        return whole
    tally = Tally.decode(whole)
    for one in others:
        tally.include(Tally.decode(one))
    return tally.encode()
