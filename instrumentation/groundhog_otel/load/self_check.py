"""How the generator itself fares: its CPU, how late it is, how long the garbage collector stops it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import perf_counter_ns, process_time_ns
from typing import Any, Final

from groundhog_otel.load.result import LoadResult, SelfCheck
from groundhog_otel.load.tally import Tally
from groundhog_otel.report.units import duration, share

__all__ = ("OwnCheck", "bottleneck")

_SLICE_NS: Final = 1_000_000_000
_MOST_CPU: Final = 0.9
_LEAST_KEPT: Final = 0.95
_LATE_SHARE: Final = 0.1
_LATE_S: Final = 0.001
_MOST_GC: Final = 0.05


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
        """Return what was measured."""
        p50_s, p99_s = self._late.percentiles_s(50, 99)
        whole = (self._began, self._ended)
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
        )

    def _collected(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._gc_began_ns = self._now_ns()
        elif self._gc_began_ns:
            pause_ns = self._now_ns() - self._gc_began_ns
            self._gc_total_ns += pause_ns
            self._gc_max_ns = max(self._gc_max_ns, pause_ns)


def bottleneck(result: LoadResult) -> str | None:
    """Return why the generator, and not the server, decided what was measured: one sentence. None when it did not.

    It did when fewer than 95 % of the rounds that were due were begun while the schedule went on; when a worker used
    90 % of a CPU or more over the test; when, at p99, requests were begun late by more than 1 ms and by more than a
    tenth of the response latency; or when the garbage collector stopped a worker for 5 % of the test.
    """
    checks = result.self_checks
    due, begun = sum(check.due for check in checks), sum(check.begun for check in checks)
    if due and begun < _LEAST_KEPT * due and result.duration_s > 0:
        return (
            f"the schedule wanted {due / result.duration_s:.4g} rounds/s and this generator began only "
            f"{begun / result.duration_s:.4g}/s: use more workers (--workers), or a lower rate"
        )
    p99_s = _fastest_p99_s(result)
    for check in checks:
        if (why := _why(check, p99_s, result)) is not None:
            return f"worker {check.worker + 1} of the generator {why}: use more workers (--workers), or less load"
    return None


def _why(check: SelfCheck, p99_s: float, result: LoadResult) -> str | None:
    # A server in memory runs in this very process, so their CPU time cannot be told apart.
    in_memory = result.server is not None and result.server.transport == "memory"
    if check.cpu_share >= _MOST_CPU and not in_memory:
        return f"used {share(check.cpu_share)} of a CPU and could not do more"
    late_s = check.scheduling_error_p99_s
    if late_s > max(_LATE_S, _LATE_SHARE * p99_s):
        return f"began 1 % of its requests more than {duration(late_s)} late, beside a p99 of {duration(p99_s)}"
    if result.duration_s > 0 and check.gc_pause_total_s > _MOST_GC * result.duration_s:
        stopped = share(check.gc_pause_total_s / result.duration_s)
        return f"was stopped by the garbage collector for {stopped} of the test"
    return None


def _fastest_p99_s(result: LoadResult) -> float:
    """Return the least p99 of the operations: what lateness weighs most on."""
    found: Sequence[float] = [Tally.decode(one.response).percentiles_s(99)[0] for one in result.operations if one.count]
    return min(found, default=0.0)


def _used(before: tuple[int, int], after: tuple[int, int]) -> float:
    passed = after[0] - before[0]
    return (after[1] - before[1]) / passed if passed > 0 else 0.0
