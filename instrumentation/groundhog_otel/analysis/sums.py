"""Series of one process, added up and differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from groundhog_otel.store.model import Point, Process, Series

__all__ = ("by_process", "per_second", "process_label", "summed")


def by_process(series: Iterable[Series], name: str) -> dict[Process, list[Series]]:
    """Return the series called ``name`` of each process, by service and process id."""
    found: dict[Process, list[Series]] = {}
    for one in series:
        if one.name == name:
            found.setdefault(one.process, []).append(one)
    return {process: found[process] for process in sorted(found, key=lambda one: (one.service, one.pid or 0))}


def summed(series: Iterable[Series], attributes: Mapping[str, str] | None = None) -> tuple[Point, ...]:
    """Add up the series that have ``attributes``, instant by instant."""
    totals: dict[int, float] = {}
    for one in series:
        if all(one.attributes.get(key) == value for key, value in (attributes or {}).items()):
            for point in one.points:
                totals[point.time_ns] = totals.get(point.time_ns, 0.0) + point.value
    return tuple(Point(time_ns, totals[time_ns]) for time_ns in sorted(totals))


def per_second(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return how fast a counter grew between one look and the next, at the time of the latter; by its units."""
    return tuple(
        Point(after.time_ns, max(after.value - before.value, 0.0) / ((after.time_ns - before.time_ns) / 1e9))
        for before, after in pairwise(points)
        if after.time_ns > before.time_ns
    )


def process_label(process: Process) -> str:
    """Return a process as people read it: ``service (pid)``."""
    return process.service if process.pid is None else f"{process.service} ({process.pid})"
