"""Figures of a process, each with what was seen of it and its trend."""

from __future__ import annotations

from groundhog_otel.monitor.metrics import ResourceMetrics
from groundhog_otel.monitor.trend import Series, Trend

__all__ = ("FIGURES", "Figures")

FIGURES = {
    "process.memory.usage": "By",
    "process.cpu.utilization": "1",
    "process.thread.count": "{thread}",
    "process.unix.file_descriptor.count": "{file_descriptor}",
    "groundhog.mcp.io": "By/s",
    "groundhog.folder.usage": "By",
}
"""Those that are looked at, with their units; what crosses the wire is taken per second."""


class Figures:
    """Not for several threads at once. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}
        self._trends: dict[str, Trend | None] = {}
        self._totals: dict[str, tuple[float, float]] = {}

    def add(self, name: str, at_s: float, value: float) -> None:
        """Take note of a value."""
        self._series.setdefault(name, Series()).add(at_s, value)
        self._trends.pop(name, None)

    def add_total(self, name: str, at_s: float, total: float) -> None:
        """Take note of a total: the figure is by how much it has grown since the one before, per second."""
        before_s, before = self._totals.get(name, (at_s, total))
        self._totals[name] = at_s, total
        if at_s > before_s:
            self.add(name, at_s, max(0.0, total - before) / (at_s - before_s))

    def read(self, since_s: float) -> tuple[ResourceMetrics, ...]:
        """Return every figure as it was from ``since_s`` on; its trend is of all of it."""
        found = []
        for name, series in self._series.items():
            values = series.since(since_s)
            average, count = sum(values) / len(values), len(values)
            found.append(
                ResourceMetrics(name, FIGURES[name], values[-1], average, max(values), count, self._trend(name))
            )
        return tuple(found)

    def _trend(self, name: str) -> Trend | None:
        if name not in self._trends:
            self._trends[name] = self._series[name].trend()
        return self._trends[name]
