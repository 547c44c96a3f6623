"""What this process uses: a few figures, each with all that was seen of it."""

from __future__ import annotations

from time import monotonic
from typing import Final

from groundhog_otel.mcp.traffic import METRIC as TRAFFIC
from groundhog_otel.mcp.traffic import totals
from groundhog_otel.monitor.metrics import ResourceMetrics
from groundhog_otel.monitor.trend import Series, Trend
from groundhog_otel.resources.process import PROCESS
from groundhog_otel.resources.snapshot import Observer, Snapshot

__all__ = ("FIGURES", "Body", "figure")

FIGURES: Final = (
    "process.memory.usage",
    "process.cpu.utilization",
    "process.thread.count",
    "process.unix.file_descriptor.count",
)
_ROWS: Final = tuple(row for row in PROCESS if row.name in FIGURES)


def figure(name: str, unit: str, series: Series, since_s: float, trend: Trend | None) -> ResourceMetrics | None:
    """Return a figure as it was from ``since_s`` on; None where nothing was seen."""
    if not series.points:
        return None
    values = series.since(since_s) or [series.points[-1][1]]
    return ResourceMetrics(name, unit, values[-1], sum(values) / len(values), max(values), trend)


class Body:
    """Looks when it is told to. Not for several threads at once."""

    def __init__(self) -> None:
        self._observer = Observer(process=True, host=False)
        self._units = {row.name: row.unit for row in _ROWS}
        self._series: dict[str, Series] = {}
        self._trends: dict[str, Trend | None] = {}
        self._latest: Snapshot | None = None
        self._traffic: tuple[float, int] | None = None

    def look(self) -> None:
        """Take note of every figure, unless a look was taken a moment ago."""
        snapshot = self._observer.snapshot()
        if snapshot is self._latest:
            return
        self._latest = snapshot
        for row in _ROWS:
            try:
                value = sum(value for value, _ in row.read(snapshot))
            except KeyError:  # not to be had here, or nothing to take a difference from yet
                continue
            self._take(row.name, snapshot.at_s, value)
        self._look_at_traffic(snapshot.at_s)

    def read(self, window_s: float) -> tuple[ResourceMetrics, ...]:
        """Return every figure that was seen."""
        since_s = monotonic() - window_s
        found = []
        for name, series in self._series.items():
            if name not in self._trends:
                self._trends[name] = series.trend()
            one = figure(name, self._units.get(name, "By/s"), series, since_s, self._trends[name])
            if one is not None:
                found.append(one)
        return tuple(found)

    def _look_at_traffic(self, at_s: float) -> None:
        moved = totals()
        if not moved:
            return
        total = sum(size for size, _ in moved)
        before, self._traffic = self._traffic, (at_s, total)
        if before is not None and at_s > before[0]:
            self._take(TRAFFIC, at_s, max(0.0, total - before[1]) / (at_s - before[0]))

    def _take(self, name: str, at_s: float, value: float) -> None:
        self._series.setdefault(name, Series()).add(at_s, value)
        self._trends.pop(name, None)
