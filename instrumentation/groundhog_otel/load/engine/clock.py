"""The time of a load test, and waits that end when they are to.

asyncio's own timers are up to a millisecond late on Linux, because epoll counts in milliseconds. That would be a large
part of the latency of a fast server, so there the kernel's timer wakes the loop (``timerfd_create(2)``).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from typing import Final

__all__ = ("Clock",)

_CLOCK_MONOTONIC: Final = 1
_ABSOLUTE: Final = 1


class Clock:
    """Nanoseconds of ``time.perf_counter_ns``. Belongs to one event loop; to be closed."""

    def __init__(self) -> None:
        self._epoch_offset_ns = _epoch_offset_ns()
        self._alarm = _Alarm() if sys.platform == "linux" else None

    def now_ns(self) -> int:
        """Return the time."""
        return time.perf_counter_ns()

    def since_1970(self, at_ns: int) -> int:
        """Return what the wall clock showed, or will, at a time of this clock. Set once: it never goes back."""
        return at_ns + self._epoch_offset_ns

    def from_1970(self, epoch_ns: int) -> int:
        """Return the time of this clock at one of the wall clock."""
        return epoch_ns - self._epoch_offset_ns

    async def until(self, at_ns: int) -> None:
        """Wait until it is ``at_ns``; not at all when that is past."""
        while (left_ns := at_ns - self.now_ns()) > 0:
            if self._alarm is not None:
                await self._alarm.ring(at_ns)
            else:
                await asyncio.sleep(left_ns / 1e9)

    def close(self) -> None:
        """Give the kernel its timer back."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None


def _epoch_offset_ns() -> int:
    """Return by how much the wall clock is ahead of ours, from the pair of looks that was interrupted least."""
    looks = []
    for _ in range(10):
        before_ns, wall_ns, after_ns = time.perf_counter_ns(), time.time_ns(), time.perf_counter_ns()
        looks.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    return min(looks)[1]


class _Alarm:
    """One timer of the kernel for all who wait: it is set to the earliest."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = count()
        self._set_to = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._rung)

    async def ring(self, at_ns: int) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        heappush(self._waiting, (at_ns, next(self._number), future))
        self._set()
        await future

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        for _, _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    def _rung(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._set_to = 0
        now_ns = time.perf_counter_ns()
        while self._waiting and (self._waiting[0][0] <= now_ns or self._waiting[0][2].done()):
            _, _, future = heappop(self._waiting)
            if not future.done():
                future.set_result(None)
        self._set()

    def _set(self) -> None:
        if not self._waiting or self._waiting[0][0] == self._set_to:
            return
        self._set_to = self._waiting[0][0]
        # On Linux perf_counter is CLOCK_MONOTONIC. 0 would switch the timer off.
        seconds, nanoseconds = divmod(max(self._set_to, 1), 1_000_000_000)
        spec = (ctypes.c_long * 4)(0, 0, seconds, nanoseconds)
        self._libc.timerfd_settime(self._fd, _ABSOLUTE, spec, None)
