"""How the generator itself fares: its CPU, how late it is, how long the garbage collector stops it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import perf_counter_ns, process_time_ns
from typing import Any, Final

from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.results.result import SelfCheck

__all__ = ("OwnCheck",)

_SLICE_NS: Final = 1_000_000_000


class OwnCheck:
    """Measures this process between ``start`` and ``stop``. Times are nanoseconds."""

    def __init__(
        self, now_ns: Callable[[], int] = perf_counter_ns, cpu_ns: Callable[[], int] = process_time_ns
    ) -> None:
        self._now_ns, self._cpu_ns = now_ns, cpu_ns
        self._late = Tally()
        self._late_max_ns = 0
        self._began: tuple[int, int] | None = None
        self._ended: tuple[int, int] | None = None
        self._slice = (0, 0)
        self._worst = 0.0
        self._gc_began_ns = 0
        self._gc_total_ns = self._gc_max_ns = 0
        self.due = 0
        """Rounds of the schedule; 0 in a closed model."""
        self.begun = 0
        """Those that were begun while the schedule went on."""

    def start(self) -> None:
        """Begin to measure."""
        self._began = self._slice = (self._now_ns(), self._cpu_ns())
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Measure no longer. Harmless when called again, or without a start."""
        if self._began is None or self._ended is not None:
            return
        self._ended = (self._now_ns(), self._cpu_ns())
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        if not self._worst:
            self._worst = _used(self._began, self._ended)

    def look(self) -> None:
        """Look at the CPU time since the last look, if that is a second ago or more. To be called now and then."""
        if self._began is None or self._ended is not None:
            return
        now = (self._now_ns(), self._cpu_ns())
        if now[0] - self._slice[0] >= _SLICE_NS:
            self._worst = max(self._worst, _used(self._slice, now))
            self._slice = now

    def late(self, late_ns: int) -> None:
        """Take note of how much later than due a request was begun, for no other reason than this process."""
        if self._began is not None:
            self._late.add_ns(late_ns)
            self._late_max_ns = max(self._late_max_ns, late_ns)

    def result(self, worker: int) -> SelfCheck:
        """Return what was measured, until the last look if it has not been stopped."""
        p50_s, p99_s = self._late.percentiles_s(50, 99)
        whole = (self._began, self._ended or self._slice)
        return SelfCheck(
            worker=worker,
            cpu_share=_used(whole[0], whole[1]) if whole[0] and whole[1] else 0.0,
            cpu_share_max=self._worst,
            scheduling_error_p50_s=p50_s,
            scheduling_error_p99_s=p99_s,
            scheduling_error_max_s=self._late_max_ns / 1e9,
            gc_pause_total_s=self._gc_total_ns / 1e9,
            gc_pause_max_s=self._gc_max_ns / 1e9,
            due=self.due,
            begun=self.begun,
            scheduling_errors=self._late.encode(),
        )

    def _collected(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._gc_began_ns = self._now_ns()
        elif self._gc_began_ns:
            pause_ns = self._now_ns() - self._gc_began_ns
            self._gc_total_ns += pause_ns
            self._gc_max_ns = max(self._gc_max_ns, pause_ns)


def _used(before: tuple[int, int], after: tuple[int, int]) -> float:
    passed = after[0] - before[0]
    return (after[1] - before[1]) / passed if passed > 0 else 0.0
