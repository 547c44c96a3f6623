"""Names and CPU time of the threads of this process, by the ids that the interpreter knows them by."""

from __future__ import annotations

import sys
import threading
import time

__all__ = ("Threads",)


def _clock_of(native_id: int) -> int:
    """Return the id of a Linux thread's CPU clock: ``CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED`` below its inverted id.

    What ``time.pthread_getcpuclockid`` returns; but that reads the memory of a thread which may have ended meanwhile,
    where the kernel just says no.
    """
    return (~native_id << 3) | 6


def _clocks_are_known() -> bool:
    if sys.platform != "linux":
        return False
    try:
        return _clock_of(threading.get_native_id()) == time.pthread_getcpuclockid(threading.get_ident())
    except OSError:
        return False


class Threads:
    """What each thread is called, and how much CPU time it has used since it was last asked for."""

    def __init__(self) -> None:
        self.exact = _clocks_are_known()
        """Whether each thread has a clock; else its share of the process is not known."""
        self._known: dict[int, tuple[str, int]] = {}
        self._used_ns: dict[int, int] = {}

    def name(self, thread: int) -> str:
        """Return a thread's name, or its number where Python has given it none."""
        return self._known.get(thread, ("", 0))[0] or str(thread)

    def used_ns(self, thread: int) -> int:
        """Return the CPU nanoseconds that a thread has used so far; 0 where nobody knows."""
        if thread not in self._known:
            self._learn(thread)
        native_id = self._known[thread][1]
        if not (native_id and self.exact):
            return 0
        try:
            return time.clock_gettime_ns(_clock_of(native_id))
        except OSError:  # it has ended, and another one may have got its number
            self._known.pop(thread, None)
            self._used_ns.pop(thread, None)
            return 0

    def since_ns(self, thread: int) -> int:
        """Return the CPU nanoseconds used since this was last asked; of a thread that is new, all of it."""
        used_ns = self.used_ns(thread)
        before_ns = self._used_ns.get(thread, 0)
        self._used_ns[thread] = used_ns
        return max(0, used_ns - before_ns)

    def on_cpu(self, thread: int) -> bool:
        """Tell whether the kernel has a thread running, or in line for a CPU; False where it does not say."""
        native_id = self._known.get(thread, ("", 0))[1]
        try:
            with open(f"/proc/self/task/{native_id}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - 20 times a look
                return file.read(400).rpartition(b") ")[2][:1] == b"R"
        except OSError:
            return False

    def begin(self, thread: int, used_ns: int) -> None:
        """Count a thread from when it had used so much."""
        self._used_ns[thread] = used_ns

    def forget(self, alive: set[int]) -> None:
        """Forget threads that have ended."""
        for thread in self._known.keys() - alive:
            del self._known[thread]
            self._used_ns.pop(thread, None)

    def _learn(self, thread: int) -> None:
        for one in threading.enumerate():
            if one.ident == thread:
                self._known[thread] = one.name, one.native_id or 0
                return
        self._known[thread] = "", 0
