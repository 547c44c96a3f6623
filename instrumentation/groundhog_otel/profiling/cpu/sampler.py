"""The thread that looks, at intervals that nobody can be in step with."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from threading import Event, Thread, current_thread
from typing import Final

from groundhog_otel.mcp.guard import guarded_error

__all__ = ("Sampler", "SwitchInterval")

_MOST_FAILURES: Final = 10
_PATIENCE: Final = 10
"""So many times it finds nothing to look at before it rests."""
_LATEST: Final = 10
_LONGEST_S: Final = 1.0
_IDLE: Final = 0.2
"""A process that uses less than so much of one CPU is looked at as if it did: whoever waits is to be seen as well."""


class SwitchInterval:
    """How soon a thread that computes must make room for another (``sys.setswitchinterval``), shortened for a while.

    By default it may go on for 5 ms. Whatever ends sooner would never be seen: the sampler waits, and when its turn
    comes that is over. Only threads that others wait for are interrupted, so a shorter interval costs one thread
    nothing but the looks themselves.
    """

    def __init__(self, interval_s: float | None) -> None:
        self._wanted_s = interval_s
        self._before_s: float | None = None
        self._ours_s = 0.0

    def shorten(self) -> None:
        """Set it, unless it is as short already."""
        before_s = sys.getswitchinterval()
        if self._before_s is None and self._wanted_s is not None and self._wanted_s < before_s:
            self._before_s = before_s
            sys.setswitchinterval(self._wanted_s)
            self._ours_s = sys.getswitchinterval()

    def restore(self) -> None:
        """Put it back, unless somebody else has set it since."""
        before_s, self._before_s = self._before_s, None
        if before_s is not None and sys.getswitchinterval() == self._ours_s:
            sys.setswitchinterval(before_s)


class Sampler:
    """Calls ``look`` about every ``interval_s`` seconds while ``busy()``, and ``tidy`` once a second and at the end.

    ``look`` is told whether the interpreter's lock was free when the moment had come. Where looks would
    take more than ``most_share`` of the CPU time that the process uses, there are fewer.
    """

    def __init__(
        self,
        interval_s: float,
        switch: SwitchInterval,
        *,
        busy: Callable[[], bool],
        resume: Callable[[], None],
        look: Callable[[bool], None],
        tidy: Callable[[], bool],
        deadline_s: float | None = None,
        most_share: float = 1.0,
    ) -> None:
        self.interval_s = interval_s
        self.cpu_ns = 0
        """CPU time of the thread itself."""
        self.active_ns = 0
        """Wall time in which it was looking every now and then."""
        self.failures = 0
        self._switch = switch
        self._busy, self._resume, self._look, self._tidy = busy, resume, look, tidy
        self._deadline_s = deadline_s
        self._most_share = most_share
        self._look_s = 0.0
        """CPU time from one look to the next, on average of the latest."""
        self._busy_share = 1.0
        """The CPUs that the process has used meanwhile."""
        self._resting = False
        self._wanted = Event()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="groundhog-cpu-profiler", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._switch.shorten()
        self._thread.start()

    def rests(self) -> bool:
        """Tell whether it looks at nothing until it is woken."""
        return self._resting

    def wake(self) -> None:
        """Tell it that there is something to look at; from any thread."""
        self._resting = False  # once is enough: it may take it a while to get the interpreter's lock
        # With the lock's usual interval it might not come to it at all: a loop that lets go of the lock for a moment
        # every 4 ms never has to give way.
        self._switch.shorten()
        self._wanted.set()

    def stop(self) -> None:
        """End the thread, and wait for it: for one look at the most."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not current_thread():
            self._thread.join()

    def leave(self) -> None:
        """Put back what the thread had set; for a child after a fork, where there is no thread any more."""
        self._switch.restore()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                if self._busy():
                    self._work()
                if self._tidy():
                    break
                self._rest()
        except Exception:
            guarded_error("cpu profiler")
        finally:
            self._switch.restore()
            self.cpu_ns = time.thread_time_ns()

    def _rest(self) -> None:
        self._switch.restore()
        self._wanted.clear()
        self._resting = True  # from here on whatever begins sets the event
        if not self._busy() and not self._stopped.is_set():
            left_s = 1.0 if self._deadline_s is None else max(0.0, self._deadline_s - time.monotonic())
            self._wanted.wait(min(1.0, left_s))
        self._resting = False

    def _work(self) -> None:
        """Look for as long as there is something to see."""
        begun_ns = tidied_ns = time.perf_counter_ns()
        before = time.thread_time(), time.process_time(), time.perf_counter()
        self._busy_share = 1.0
        self._switch.shorten()
        try:
            self._resume()
            idle = 0
            while (free := self._pause()) is not None and idle < _PATIENCE:
                if not self._busy():  # the next call of a series is about to begin, as a rule
                    idle += 1
                    continue
                try:
                    if idle:
                        idle = 0
                        self._resume()
                    self._look(free)
                except Exception:
                    self.failures += 1
                    guarded_error("cpu profiler")
                    if self.failures >= _MOST_FAILURES:
                        self._stopped.set()
                now = time.thread_time(), time.process_time(), time.perf_counter()
                look_s, used_s, wall_s = (later - earlier for later, earlier in zip(now, before, strict=True))
                before = now
                self._look_s += (look_s - self._look_s) / _LATEST
                self._busy_share += (used_s / max(wall_s, 1e-9) - self._busy_share) / _LATEST
                now_ns = time.perf_counter_ns()
                if now_ns - tidied_ns > 1_000_000_000:
                    tidied_ns = now_ns
                    self.cpu_ns = time.thread_time_ns()
                    if self._tidy():
                        break
        finally:
            self.active_ns += time.perf_counter_ns() - begun_ns

    def _pause(self) -> bool | None:
        """Wait until the next look; None where there is none."""
        # Random, or a program with a period of its own would be seen at the same point of it every time.
        affordable_s = self._look_s / (self._most_share * max(_IDLE, self._busy_share))
        interval_s = max(self.interval_s, min(_LONGEST_S, affordable_s))
        pause_s = interval_s * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        begun_s = time.perf_counter()
        if self._stopped.wait(pause_s):
            return None
        return time.perf_counter() - begun_s - pause_s < sys.getswitchinterval() / 2
