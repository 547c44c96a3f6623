"""How many operations were under way beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from groundhog_otel.store.model import Span

__all__ = ("under_way",)


def under_way(spans: Sequence[Span]) -> list[float]:
    """Return for each span how many of ``spans`` were under way during it, itself included: the mean over its time.

    A span without duration counts those that are under way at its moment.
    """
    edges = sorted([(span.start_ns, 1) for span in spans] + [(span.end_ns, -1) for span in spans])
    times, levels, areas = [], [], []  # the level from each time on, and the sum of level and time up to it
    level, area, last = 0, 0, edges[0][0] if edges else 0
    for time_ns, step in edges:
        area += level * (time_ns - last)
        level, last = level + step, time_ns
        times.append(time_ns)
        levels.append(level)
        areas.append(area)
    latest = {time_ns: index for index, time_ns in enumerate(times)}
    found = []
    for span in spans:
        start, end = latest[span.start_ns], latest[span.end_ns]
        if span.end_ns > span.start_ns:
            found.append(max((areas[end] - areas[start]) / (span.end_ns - span.start_ns), 1.0))
        else:
            found.append(float(max(levels[start], 0) + 1))
    return found
