"""One result of several workers' parts. Nothing is lost: histograms are added bucket by bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.histograms import merged as merged_histograms
from groundhog_otel.load.remembered import merged_sample, slowest_of
from groundhog_otel.load.result import LoadResult, OperationResult
from groundhog_otel.load.windows import merged_windows

__all__ = ("merge",)


def merge(parts: Sequence[LoadResult]) -> LoadResult:
    """Return the result of a test from the parts that its workers have measured, in any order.

    Raises:
        LoadError: there is none, they are of different tests, or one is there twice.
    """
    if not parts:
        raise LoadError("There is nothing to merge: give the files of all workers.")
    first = parts[0]
    for other in parts[1:]:
        for what, mine, theirs in (
            ("run", first.run_id, other.run_id),
            ("model", first.model, other.model),
            ("configuration", dict(first.config), dict(other.config)),
            ("number of workers", first.shares, other.shares),
        ):
            if mine != theirs:
                raise LoadError(
                    f"The parts are of different tests: another {what}. Give each run's parts by themselves."
                )
    workers = [check.worker for part in parts for check in part.self_checks]
    if len(set(workers)) < len(workers):
        twice = next(worker for worker in workers if workers.count(worker) > 1)
        raise LoadError(f"The part of worker {twice} is there twice. Give each once.")
    started_at_ns = min(part.started_at_ns for part in parts)
    counts = [sum(one.count for one in part.operations) for part in parts]
    known = [part.events for part in parts if part.events is not None]
    return LoadResult(
        run_id=first.run_id,
        server=next((part.server for part in parts if part.server is not None), None),
        target=first.target,
        model=first.model,
        config=first.config,
        started_at_ns=started_at_ns,
        duration_s=max(part.duration_s for part in parts),
        operations=tuple(_operations(parts)),
        windows=merged_windows([part.windows for part in parts]),
        self_checks=tuple(sorted((check for part in parts for check in part.self_checks), key=lambda one: one.worker)),
        slowest=slowest_of(request for part in parts for request in part.slowest),
        sample=merged_sample(list(zip(counts, [part.sample for part in parts], strict=True)), seed=len(parts)),
        connections_peak=sum(part.connections_peak for part in parts),
        unfinished=sum(part.unfinished for part in parts),
        interrupted=next((part.interrupted for part in parts if part.interrupted), None),
        workers=sum(part.workers for part in parts),
        machine=first.machine,
        events=sum(known) if known else None,
        shares=first.shares,
        begun_apart_s=(max(part.started_at_ns for part in parts) - started_at_ns) / 1e9,
    )


def _operations(parts: Sequence[LoadResult]) -> Iterable[OperationResult]:
    by_name: dict[str, list[OperationResult]] = {}
    for part in parts:
        for one in part.operations:
            by_name.setdefault(one.name, []).append(one)
    for name, group in sorted(by_name.items()):
        errors: Counter[str] = Counter()
        messages: dict[str, str] = {}
        for one in group:
            errors.update(one.errors)
            messages = {**one.messages, **messages}
        yield OperationResult(
            name=name,
            method=group[0].method,
            response=merged_histograms(one.response for one in group),
            service=merged_histograms(one.service for one in group),
            count=sum(one.count for one in group),
            errors=dict(errors.most_common()),
            messages=messages,
        )
