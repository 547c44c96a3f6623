"""What the kernel says and psutil does not pass on."""

from __future__ import annotations

import os
import sys
import time
from typing import Final, NamedTuple

import psutil

__all__ = ("Status", "host_uptime_s", "process_status")

_STATUS: Final = "/proc/self/status"
_PENDING: Final = (b"SigPnd:", b"ShdPnd:")


class Status(NamedTuple):
    """What one reading of ``/proc/self/status`` tells."""

    threads: int
    pending_signals: int
    """Kinds of signals that wait for the process or its main thread."""


def process_status() -> Status | None:
    """Return what Linux tells of this process in one file, read once; None where the kernel is not Linux.

    Source: ``Threads``, ``SigPnd`` and ``ShdPnd`` in proc(5); the latter are masks with a bit per signal.
    ``SigQ`` there is the user's, in all processes together. Raises ``OSError`` where ``/proc`` cannot be read.
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
    return Status(int(text.partition(b"Threads:")[2].split(None, 1)[0]), waiting.bit_count())


def host_uptime_s() -> float:
    """Return the seconds since the host was started, those it slept included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; setting the time of day does not move it
    return time.time() - psutil.boot_time() if clock is None else time.clock_gettime(clock)
