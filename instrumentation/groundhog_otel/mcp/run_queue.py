"""For how long a thread has been ready to run without being given a CPU. Linux tells; others do not."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ("delay_ns", "own_account")

_FILE: Final = "/proc/thread-self/schedstat"
"""CPU time, time spent waiting on a run queue, and number of turns (``Documentation/scheduler/sched-stats.rst``)."""


class _OwnFile(threading.local):
    """The file of each thread, open for as long as the thread lives: opening it takes ten times as long as reading."""

    def __init__(self) -> None:
        self.number: int | None = None
        with suppress(OSError, AttributeError):  # not Linux, or a kernel that keeps no such account
            self.number = os.open(_FILE, os.O_RDONLY | os.O_CLOEXEC)
        self.closing = _Closing(self.number)


class _Closing:
    """Closes a file when its thread ends, and its locals with it."""

    def __init__(self, number: int | None) -> None:
        self._number = number

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # at the end there may be no os any more
        if self._number is not None:
            with suppress(OSError):
                close(self._number)


_own = _OwnFile()


def own_account() -> int | None:
    """Return where the account of the current thread is read: valid until the thread ends."""
    return _own.number


def delay_ns(account: int | None) -> int:
    """Return the nanoseconds since the thread began; 0 where nobody tells. Any thread may ask; it never raises."""
    if account is None:
        return 0
    try:
        return int(os.pread(account, 64, 0).split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _begin_anew() -> None:
    global _own  # noqa: PLW0603 - in a forked child the open file is that of the parent's thread
    _own = _OwnFile()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)
