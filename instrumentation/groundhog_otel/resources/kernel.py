"""What the kernel says and psutil does not pass on."""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import psutil

__all__ = ("host_uptime_s", "pending_signals")

_STATUS: Final = "/proc/self/status"
_PENDING: Final = (b"SigPnd:", b"ShdPnd:")


def pending_signals() -> int | None:
    """Return how many kinds of signals wait for the process or its main thread; None where the kernel is not Linux.

    Source: ``SigPnd`` and ``ShdPnd`` in proc(5), two masks with a bit per signal. ``SigQ`` there is the user's, in all
    processes together. Raises ``OSError`` where ``/proc`` cannot be read.
    """
    if sys.platform != "linux":
        return None
    status = os.open(_STATUS, os.O_RDONLY | os.O_CLOEXEC)  # a file object would double the time
    try:
        text = os.read(status, 8192)
    finally:
        os.close(status)
    waiting = 0
    for mask in _PENDING:
        _, found, rest = text.partition(mask)
        waiting |= int(rest.split(None, 1)[0], 16) if found else 0
    return waiting.bit_count()


def host_uptime_s() -> float:
    """Return the seconds since the host was started, those it slept included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; setting the time of day does not move it
    return time.time() - psutil.boot_time() if clock is None else time.clock_gettime(clock)
