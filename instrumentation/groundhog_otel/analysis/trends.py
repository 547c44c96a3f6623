"""What changed in the course of a run: what each process used, and how its event loop and its threads fared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from groundhog_otel.analysis.sums import by_process, per_second, process_label, summed
from groundhog_otel.budgets import PROCESS_LIMITS
from groundhog_otel.store.model import Buckets, Histogram, Point, Process, Recording

__all__ = ("MOST_POINTS", "Line", "Trend", "thinned", "trends")

MOST_POINTS: Final = 240
"""Of a line, where it is shown: more than that are finer than a chart."""

Unit = Literal["share", "size", "rate", "duration", "count"]


@dataclass(frozen=True, slots=True)
class Line:
    """One process over time."""

    name: str
    points: tuple[Point, ...]
    """By time, never empty."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One quantity of all processes that report it."""

    title: str
    unit: Unit
    """``share`` 0 to 1, ``size`` bytes, ``rate`` bytes a second, ``duration`` seconds."""
    lines: tuple[Line, ...]
    budget: str = ""
    """The budget that it is held against, by name; empty for none."""
    limit: float | None = None
    """That budget, in the trend's unit."""


def trends(recording: Recording) -> tuple[Trend, ...]:
    """Return the trends for which something was recorded, in the order in which they are told."""
    made = (
        Trend("CPU, of what a process may use", "share", _gauge(recording, "process.cpu.utilization"), "cpu",
              PROCESS_LIMITS.cpu_share),
        Trend("Memory (RSS)", "size", _gauge(recording, "process.memory.usage"), "memory", PROCESS_LIMITS.memory_bytes),
        Trend("MCP messages, in and out", "rate", _rates(recording, "groundhog.mcp.io"), "network",
              PROCESS_LIMITS.network_bytes_per_s),
        Trend("Disk, read and written", "rate", _rates(recording, "process.disk.io")),
        Trend("Folders that are watched", "size", _gauge(recording, "groundhog.folder.usage"), "disk",
              PROCESS_LIMITS.disk_bytes),
        Trend("Network of the host, in and out", "rate", _host(recording, "system.network.io")),
        Trend("Event-loop lag: 99 % of looks at most", "duration", _percentiles(recording, "groundhog.event_loop.lag")),
        Trend("Wait for a worker thread: 99 % of calls at most", "duration",
              _percentiles(recording, "groundhog.worker_threads.wait")),
        Trend("Worker threads in use", "count", _gauge(recording, "groundhog.worker_threads.in_use")),
        Trend("Calls that wait for a worker thread", "count", _gauge(recording, "groundhog.worker_threads.waiting")),
        Trend("Time in garbage collection", "share", _time_in(recording, "groundhog.gc.pause")),
        Trend("Requests under way", "count", _gauge(recording, "groundhog.mcp.requests.active")),
    )  # fmt: skip
    return tuple(one for one in made if one.lines)


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> Sequence[Point]:
    """Return at most ``most`` points, of each stretch of time the largest: peaks are what budgets are about."""
    if len(points) <= most:
        return points
    size = len(points) / most
    edges = [round(number * size) for number in range(most + 1)]
    return [
        max(points[edges[number] : edges[number + 1]], key=lambda point: point.value) for number in range(most)
    ]  # fmt: skip


def _gauge(recording: Recording, name: str) -> tuple[Line, ...]:
    """Add up what a process reports under several sets of attributes, instant by instant."""
    return _lines((process, summed(series)) for process, series in by_process(recording.series, name).items())


def _rates(recording: Recording, name: str) -> tuple[Line, ...]:
    return _lines(
        (process, per_second(summed(series))) for process, series in by_process(recording.series, name).items()
    )


def _host(recording: Recording, name: str) -> tuple[Line, ...]:
    """Return what the process saw that looked most often: it is the same host to all of them."""
    seen = by_process(recording.series, name).values()
    longest = max((summed(series) for series in seen), key=len, default=())
    points = per_second(longest)
    return (Line("host", points),) if points else ()


def _percentiles(recording: Recording, name: str) -> tuple[Line, ...]:
    return _from_histograms(recording, name, _p99)


def _time_in(recording: Recording, name: str) -> tuple[Line, ...]:
    def share(before: Buckets, after: Buckets, _: Sequence[float]) -> float:
        return max(after.sum - before.sum, 0.0) / ((after.time_ns - before.time_ns) / 1e9)

    return _from_histograms(recording, name, share)


def _from_histograms(
    recording: Recording, name: str, value: Callable[[Buckets, Buckets, Sequence[float]], float | None]
) -> tuple[Line, ...]:
    """Return a value for each time between two looks at a histogram, of all its attributes together."""
    found: dict[Process, list[Histogram]] = {}
    for one in recording.histograms:
        if one.name == name:
            found.setdefault(one.process, []).append(one)
    made = []
    for process in sorted(found, key=lambda one: (one.service, one.pid or 0)):
        boundaries, looks = _together(found[process])
        values = (
            (after.time_ns, value(before, after, boundaries))
            for before, after in pairwise(looks)
            if after.time_ns > before.time_ns
        )
        made.append((process, tuple(Point(time_ns, one) for time_ns, one in values if one is not None)))
    return _lines(made)


def _together(histograms: Sequence[Histogram]) -> tuple[Sequence[float], list[Buckets]]:
    """Add up histograms of the same boundaries, instant by instant; others than the first's are passed over."""
    boundaries = histograms[0].boundaries
    totals: dict[int, Buckets] = {}
    for one in histograms:
        for point in one.points if one.boundaries == boundaries else ():
            seen = totals.get(point.time_ns)
            totals[point.time_ns] = point if seen is None else Buckets(
                point.time_ns, seen.count + point.count, seen.sum + point.sum,
                tuple(map(sum, zip(seen.counts, point.counts, strict=True))),
            )  # fmt: skip
    return boundaries, [totals[time_ns] for time_ns in sorted(totals)]


def _p99(before: Buckets, after: Buckets, boundaries: Sequence[float]) -> float | None:
    """Return the upper end of the bucket that the 99th percentile is in; the last end where it is beyond it."""
    counts = [max(late - early, 0) for early, late in zip(before.counts, after.counts, strict=True)]
    whole, seen = sum(counts), 0
    if not whole or not boundaries:
        return None
    for count, boundary in zip(counts, (*boundaries, boundaries[-1]), strict=True):
        seen += count
        if seen >= whole * 0.99:
            return boundary
    return boundaries[-1]


def _lines(found: Iterable[tuple[Process, tuple[Point, ...]]]) -> tuple[Line, ...]:
    return tuple(Line(process_label(process), points) for process, points in found if points)
