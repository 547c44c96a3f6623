"""What watches while the instrumentor is on: made, put in place and taken away together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from weakref import WeakSet

from opentelemetry.metrics import Histogram

from groundhog_otel.mcp.inflight import ON_BEGIN
from groundhog_otel.mcp.patching import Patches
from groundhog_otel.runtime.garbage import Pauses
from groundhog_otel.runtime.loops import LAG, Hearts
from groundhog_otel.runtime.requests import ActiveRequests
from groundhog_otel.runtime.watchdog import Watchdog
from groundhog_otel.runtime.workers import WAIT, Limiters, hooks
from groundhog_otel.settings import RuntimeSettings

__all__ = ("Parts",)


class Parts:
    """The watchers that the settings ask for. Making one does nothing until :meth:`install`."""

    def __init__(self, settings: RuntimeSettings, histograms: Mapping[str, Histogram]) -> None:
        self.settings = settings
        self.hearts = Hearts(
            histograms[LAG],
            histograms["groundhog.event_loop.blocked"],
            threshold_s=settings.blocking_threshold_ms / 1000,
        )
        self.watchdog = Watchdog(self.hearts)
        self.limiters = Limiters()
        self.pauses = Pauses(histograms["groundhog.gc.pause"])
        self.requests = ActiveRequests()
        self._patches = Patches(hooks(histograms[WAIT]))
        wanted = {"event_loop": self.hearts.begun, "worker_threads": self.limiters.begun}
        self._listeners = [listener for part, listener in wanted.items() if part in settings.parts]

    def install(self) -> None:
        """Begin to watch."""
        _INSTALLED.add(self)
        ON_BEGIN.extend(self._listeners)
        if "worker_threads" in self.settings.parts:
            self._patches.install()
        if "gc" in self.settings.parts:
            self.pauses.install()

    def remove(self) -> None:
        """Put everything back, and end the watchdog."""
        _INSTALLED.discard(self)
        for listener in self._listeners:
            if listener in ON_BEGIN:
                ON_BEGIN.remove(listener)
        self._patches.remove()
        self.pauses.remove()
        self.hearts.beating.clear()
        self.watchdog.stop()


_INSTALLED: WeakSet[Parts] = WeakSet()


def _start_over() -> None:
    for parts in list(_INSTALLED):
        parts.watchdog.reset()
        parts.pauses.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over)
