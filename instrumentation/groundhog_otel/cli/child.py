"""A child process that hears every signal its parent gets, and whose end becomes the parent's."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

__all__ = ("supervise",)

_FORWARDED: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT)
_FROM_KEYBOARD: Final = (signal.SIGINT, signal.SIGQUIT)


def supervise(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Start a program on this process's own standard streams, wait for it, return its exit code (128 + n by signal n).

    Raises:
        OSError: the program cannot be started.
    """
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if number in _FROM_KEYBOARD and _in_foreground():
            return  # the terminal has sent it to the child as well
        if child is None:
            early.append(number)
        else:
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)

    before = {}
    for number in _FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup: the child is to ignore it too
            before[number] = signal.signal(number, forward)
    try:
        child = subprocess.Popen(words, env=environ, close_fds=False)
        for missed in early:
            os.kill(child.pid, missed)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    """Tell whether the terminal, if there is one, takes this process's group for what its keys are meant for."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
