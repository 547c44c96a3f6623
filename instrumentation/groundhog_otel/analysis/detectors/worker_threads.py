"""Worker threads that are all taken: calls wait for one before they begin.

A call that waits is known from its span. That it waits for a thread, and not for a machine that is late in starting
it, is known from the limiter's series; where its samples are too far apart to show a burst, from waits that are too
long for anything else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import mean, median
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import sure
from groundhog_otel.analysis.waits import thread_wait_s
from groundhog_otel.runtime.workers import WAITED
from groundhog_otel.store.model import Process, Recording, Span

__all__ = ("detect",)

_LEAST_WAIT_S: Final = 0.01
"""Seconds; a thread of a busy machine may take nearly that long to start."""
_LEAST_VICTIMS: Final = 5
_CERTAIN_S: Final = 0.1
"""Seconds: when the half of them wait longer, they do not wait for the machine."""
_MOST_TOKENS: Final = 250
"""Threads take memory, and turns at the interpreter's lock: more callers than that are for more processes to serve."""
_SHOWN: Final = 5


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each service in which calls have waited for worker threads."""
    waiting: dict[str, list[tuple[Span, float]]] = defaultdict(list)
    for span in recording.spans:
        wait_s = thread_wait_s(span)
        if wait_s >= _LEAST_WAIT_S:
            waiting[span.process.service].append((span, wait_s))
    found = []
    for service, victims in waiting.items():
        if len(victims) < _LEAST_VICTIMS:
            continue
        limit, saturated = _limiter(recording, {span.process for span, _ in victims})
        if saturated or median(wait_s for _, wait_s in victims) >= _CERTAIN_S:
            found.append(_finding(service, victims, limit=limit, saturated=saturated))
    return found


def _limiter(recording: Recording, processes: set[Process]) -> tuple[int | None, bool]:
    """Return the limit of the processes' threads, as far as it is known, and whether they were seen to be all taken."""
    values: dict[str, dict[Process, dict[int, float]]] = defaultdict(dict)
    for one in recording.series:
        name = one.name.removeprefix("groundhog.worker_threads.")
        if name in ("limit", "in_use", "waiting") and name != one.name and one.process in processes:
            values[name][one.process] = {point.time_ns: point.value for point in one.points}
    limits = [value for points in values["limit"].values() for value in points.values()]
    saturated = any(value >= 1 for points in values["waiting"].values() for value in points.values()) or any(
        value >= values["limit"].get(process, {}).get(time_ns, float("inf"))
        for process, points in values["in_use"].items()
        for time_ns, value in points.items()
    )
    return (int(min(limits)) if limits else None), saturated


def _finding(service: str, victims: Sequence[tuple[Span, float]], *, limit: int | None, saturated: bool) -> Finding:
    held: Counter[str] = Counter()
    for span, wait_s in victims:
        held[span.name] += round(max(span.duration_s - wait_s, 0) * 1e9)
    target = held.most_common(1)[0][0]
    wait_ms = mean(wait_s for _, wait_s in victims) * 1e3
    needed = max(_demand(victims), (limit or 0) + 1)
    of = "" if limit is None else f" of the {limit}"
    worst = sorted(victims, key=lambda one: -one[1])[:_SHOWN]
    return Finding(
        detector="worker_threads",
        service=service,
        target=target,
        says=f"{len(victims)} calls waited {wait_ms:.0f} ms on average for one{of} worker threads before they began; "
        f"{target} keeps most of the threads busy.",
        advice=f"Allow for {min(needed, _MOST_TOKENS)} worker threads "
        "(anyio.to_thread.current_default_thread_limiter().total_tokens), give that tool a limiter of its own, or make "
        "it async.",
        impact_ms=wait_ms,
        affected=len(victims),
        confidence=sure(len(victims), half=3) * (1 if saturated else 0.7),
        evidence=tuple(
            Evidence(f"{span.name} waited {wait_s * 1e3:.0f} ms for a worker thread.", span.trace_id, span.span_id)
            for span, wait_s in worst
        ),
        figures={
            "wait_ms": wait_ms,
            "longest_wait_ms": worst[0][1] * 1e3,
            "victims": len(victims),
            "needed_threads": needed,
            **({} if limit is None else {"limit_threads": limit}),
        },
        action="limiter",
        parameters={"tokens": str(min(needed, _MOST_TOKENS))},
    )


def _demand(victims: Sequence[tuple[Span, float]]) -> int:
    """Return how many of one process's calls wanted a thread, or had one, at once."""
    highest = 0
    for process in {span.process for span, _ in victims}:
        steps = []
        for span, wait_s in victims:
            if span.process == process:
                got_ns = min(event.time_ns for event in span.events if event.name == WAITED)
                steps += [(got_ns - int(wait_s * 1e9), 1), (max(span.end_ns, got_ns), -1)]
        now = 0
        for _, step in sorted(steps):
            now += step
            highest = max(highest, now)
    return highest
