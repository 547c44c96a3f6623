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
        self._clocks: dict[int, int] = {}
        self._used_ns: dict[int, int] = {}

    def name(self, thread: int) -> str:
        """Return a thread's name, or its number where Python has given it none."""
        return self._known.get(thread, ("", 0))[0] or str(thread)

    def used_ns(self, thread: int) -> int:
        """Return the CPU nanoseconds that a thread has used so far; 0 where nobody knows."""
        try:
            clock = self._clocks.get(thread)
            if clock is None:
                if thread in self._known:
                    return 0
                clock = self._learn(thread)
            return time.clock_gettime_ns(clock) if clock else 0
        except OSError:  # it has ended, and another one may have got its number
            for known in (self._known, self._clocks, self._used_ns):
                known.pop(thread, None)
            return 0

    def since_ns(self, thread: int, used_ns: int) -> int:
        """Return by how much ``used_ns`` is above what it was before; of a thread that is new, all of it."""
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
            for known in (self._known, self._clocks, self._used_ns):
                known.pop(thread, None)

    def _learn(self, thread: int) -> int:
        """Take note of a thread's name, and return its clock; 0 where it has none."""
        found = next((one for one in threading.enumerate() if one.ident == thread), None)
        native_id = 0 if found is None else found.native_id or 0
        self._known[thread] = "" if found is None else found.name, native_id
        if native_id and self.exact:
            self._clocks[thread] = _clock_of(native_id)
        return self._clocks.get(thread, 0)
