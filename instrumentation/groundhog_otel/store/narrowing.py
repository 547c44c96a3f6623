"""A part of a recording: of some time, of some services."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from groundhog_otel.store.model import Recording

__all__ = ("narrowed",)


def narrowed(
    recording: Recording, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
) -> Recording:
    """Return the traces in which a span of one of the services began between two instants, whole; and their metrics.

    Instants are nanoseconds since 1970, both included; None leaves an end open. No services are all of them.
    """
    chosen = frozenset(services)
    if since_ns is None and until_ns is None and not chosen:
        return recording
    begin_ns = since_ns or 0
    end_ns = until_ns if until_ns is not None else 2**64

    def is_of(service: str) -> bool:
        return not chosen or service in chosen

    traces = {
        span.trace_id for span in recording.spans if is_of(span.process.service) and begin_ns <= span.start_ns <= end_ns
    }
    series = (
        replace(one, points=tuple(point for point in one.points if begin_ns <= point.time_ns <= end_ns))
        for one in recording.series
        if is_of(one.process.service)
    )
    histograms = (
        replace(one, points=tuple(point for point in one.points if begin_ns <= point.time_ns <= end_ns))
        for one in recording.histograms
        if is_of(one.process.service)
    )
    return replace(
        recording,
        spans=tuple(span for span in recording.spans if span.trace_id in traces),
        series=tuple(one for one in series if one.points),
        histograms=tuple(one for one in histograms if one.points),
    )
