"""What this process uses: looked at when somebody says so."""

from __future__ import annotations

from time import monotonic
from typing import Final

from groundhog_otel.mcp.traffic import METRIC as TRAFFIC
from groundhog_otel.mcp.traffic import totals
from groundhog_otel.monitor.figures import FIGURES, Figures
from groundhog_otel.monitor.metrics import ResourceMetrics
from groundhog_otel.resources.process import PROCESS
from groundhog_otel.resources.snapshot import Observer, Snapshot

__all__ = ("Body",)

_ROWS: Final = tuple(row for row in PROCESS if row.name in FIGURES)


class Body:
    """Not for several threads at once."""

    def __init__(self) -> None:
        self._observer = Observer(process=True, host=False)
        self._figures = Figures()
        self._latest: Snapshot | None = None

    def look(self) -> None:
        """Take note of every figure, unless a look was taken a moment ago."""
        snapshot = self._observer.snapshot()
        if snapshot is self._latest:
            return
        self._latest = snapshot
        for row in _ROWS:
            try:
                self._figures.add(row.name, snapshot.at_s, sum(value for value, _ in row.read(snapshot)))
            except KeyError:  # not to be had here, or nothing to take a difference from yet
                continue
        moved = totals()
        if moved:
            self._figures.add_total(TRAFFIC, snapshot.at_s, sum(size for size, _ in moved))

    def read(self, window_s: float) -> tuple[ResourceMetrics, ...]:
        """Return every figure that was seen, within the window."""
        return self._figures.read(monotonic() - window_s)
