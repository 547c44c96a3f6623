"""Why a test ends before its time, and how whoever runs it hears of that."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from groundhog_otel.load.errors import LoadError, StoppedError

__all__ = ("SIGNALS", "Stop", "in_a_loop", "on_signals", "unless_stopped")

T = TypeVar("T")
SIGNALS: Final = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
"""What ends a test, and what results call it."""


class Stop:
    """Told once, it stays told. Belongs to one event loop."""

    def __init__(self) -> None:
        self.why: str | None = None
        self._told = (asyncio.Event(), asyncio.Event())

    def tell(self, why: str) -> None:
        """Have the test end; what it is told first is the reason."""
        if self.why is None:
            self.why = why
            self._told[0].set()

    def insist(self) -> None:
        """Have it not wait for what is under way either."""
        self._told[1].set()

    async def told(self, *, insisting: bool = False) -> None:
        """Wait for the one, or for the other."""
        await self._told[insisting].wait()

    @property
    def at_once(self) -> bool:
        """Whether what is under way is not waited for."""
        return self._told[1].is_set()


async def unless_stopped(work: Coroutine[Any, Any, T], stop: Stop) -> T:
    """Return what ``work`` returns.

    Raises:
        StoppedError: the test was stopped first; then ``work`` was cancelled.
    """
    task, told = asyncio.create_task(work), asyncio.create_task(stop.told())
    try:
        await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise StoppedError(f"stopped before the test had begun ({stop.why})")
        return task.result()
    finally:
        for one in (task, told):
            one.cancel()
        await asyncio.gather(task, told, return_exceptions=True)


@contextmanager
def on_signals(stop: Stop) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end a test of the running event loop; a second one, at once.

    Only the main thread hears of signals: elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(name: str) -> None:
        if stop.why is not None:
            stop.insist()
        stop.tell(name)

    loop = asyncio.get_running_loop()
    before = {}
    for number, name in SIGNALS.items():
        before[number] = signal.getsignal(number)
        loop.add_signal_handler(number, heard, name)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def in_a_loop(work: Callable[[Stop], Coroutine[Any, Any, T]], *, instead: str) -> T:
    """Return what ``work`` returns in an event loop of its own, where Ctrl-C and SIGTERM stop it.

    Raises:
        LoadError: there is an event loop already; ``instead`` is what to do then.
    """

    async def heed_signals() -> T:
        stop = Stop()
        with on_signals(stop):
            return await work(stop)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(heed_signals())
    raise LoadError(f"There is an event loop already: {instead}")
