"""Every runtime metric: its name, unit and meaning, and where an observed one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, NamedTuple

from opentelemetry.metrics import Observation

from groundhog_otel.runtime.garbage import counts
from groundhog_otel.runtime.loops import LAG
from groundhog_otel.runtime.parts import Parts
from groundhog_otel.runtime.workers import WAIT

__all__ = ("HISTOGRAMS", "OBSERVED", "Histogrammed", "Observed")

_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_GC_BUCKETS_S: Final = (0.0001, 0.0002, 0.0005, *_BUCKETS_S[:-3])


class Histogrammed(NamedTuple):
    """A metric of durations, in seconds."""

    name: str
    description: str
    buckets_s: tuple[float, ...] = _BUCKETS_S


class Observed(NamedTuple):
    """A metric that is read when metrics are collected."""

    name: str
    kind: Literal["counter", "up_down_counter"]
    unit: str
    description: str
    part: str
    read: Callable[[Parts], Iterable[Observation]]


HISTOGRAMS: Final = (
    Histogrammed(LAG, "How late an event loop runs a timer while MCP operations are under way"),
    Histogrammed("groundhog.event_loop.blocked", "Time in which one callback kept its event loop from everything else"),
    Histogrammed(WAIT, "Time from asking for a worker thread to running in it"),
    Histogrammed("groundhog.gc.pause", "Time in which the garbage collector stopped the program", _GC_BUCKETS_S),
)


def _collections(parts: Parts) -> list[Observation]:
    # The one place where the pauses become measurements: collecting metrics is never inside the garbage collector.
    parts.pauses.drain()
    return counts("collections")


def _statistics(name: str, description: str, unit: str, one: Callable[[Any], float]) -> Observed:
    return Observed(
        f"groundhog.worker_threads.{name}",
        "up_down_counter",
        unit,
        description,
        "worker_threads",
        lambda parts: parts.limiters.read(one),
    )


OBSERVED: Final = (
    Observed(
        "groundhog.mcp.requests.active",
        "up_down_counter",
        "{request}",
        "MCP requests under way",
        "requests",
        lambda parts: parts.requests.read(),
    ),
    _statistics("limit", "Worker threads that may be busy at once", "{thread}", lambda one: one.total_tokens),
    _statistics("in_use", "Worker threads that are busy", "{thread}", lambda one: one.borrowed_tokens),
    _statistics("waiting", "Calls that wait for a worker thread", "{call}", lambda one: one.statistics().tasks_waiting),
    Observed(
        "cpython.gc.collections",
        "counter",
        "{collection}",
        "The number of times a generation was collected since interpreter start.",
        "gc",
        _collections,
    ),
    Observed(
        "cpython.gc.collected_objects",
        "counter",
        "{object}",
        "The total number of objects collected inside a generation since interpreter start.",
        "gc",
        lambda _parts: counts("collected"),
    ),
    Observed(
        "cpython.gc.uncollectable_objects",
        "counter",
        "{object}",
        "The total number of objects which were found to be uncollectable inside a generation since interpreter start.",
        "gc",
        lambda _parts: counts("uncollectable"),
    ),
)
