"""Why a test ends before its time, and how whoever runs it hears of that."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ("Stop", "on_signals")

_SIGNALS: Final = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stop:
    """Told once, it stays told. Belongs to one event loop."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self.why: str | None = None
        self.at_once = False
        """Whether what is under way is not waited for either: somebody asked twice."""

    def tell(self, why: str) -> None:
        """Have the test end; what it is told first is the reason."""
        if self.why is None:
            self.why = why
        else:
            self.at_once = True
        self._told.set()

    async def told(self) -> None:
        """Wait for it."""
        await self._told.wait()


@contextmanager
def on_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM call ``stop`` with their names, in the running event loop.

    Only the main thread hears of signals: elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {}
    for number, name in _SIGNALS.items():
        before[number] = signal.getsignal(number)
        loop.add_signal_handler(number, stop, name)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
