"""Time, and an event loop that wakes up when it is told to."""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
import time
from typing import Any

__all__ = ("Clock", "precise_loop")


class Clock:
    """Reads and waits for time. Tests have another one."""

    def now_ns(self) -> int:
        """Return nanoseconds of ``time.perf_counter_ns``."""
        return time.perf_counter_ns()

    def epoch_ns(self) -> int:
        """Return what to add to :meth:`now_ns` for nanoseconds since 1970."""
        return time.time_ns() - time.perf_counter_ns()

    async def until(self, due_ns: int) -> None:
        """Return at ``due_ns``, or at once, after others have had their turn, when that is past."""
        await asyncio.sleep(max((due_ns - self.now_ns()) / 1e9, 0.0))


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose timers are not rounded up to whole milliseconds, as epoll does."""
    if sys.platform != "linux":
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(_Precise())


if sys.platform == "linux":

    class _Precise(selectors.EpollSelector):
        """Waits for epoll's own descriptor with ``select``, whose time-out is in microseconds."""

        def select(self, timeout: float | None = None) -> Any:
            if timeout is not None and timeout > 0:
                select.select([self.fileno()], [], [], timeout)
                timeout = 0
            return super().select(timeout)
