"""Keeps a context manager open in a task of its own.

The transports of the SDK run task groups: when one fails, whoever has entered it is cancelled. Here that is a task
which does nothing else, so that a server's death ends a session, and not the load test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, TypeVar

__all__ = ("Doubt", "held")

T = TypeVar("T")
CLOSE_S: Final = 8.0
"""How long a transport has to close; the SDK's own limits for a child process add up to six seconds."""


@asynccontextmanager
async def held(
    opening: AbstractAsyncContextManager[T],
    *,
    timeout_s: float,
    explain: Callable[[Exception], Exception],
    fatal: asyncio.Future[Any] | None = None,
    on_end: Callable[[BaseException | None], None],
    before_close: Callable[[], None] = lambda: None,
    after_close: Callable[[], None] = lambda: None,
) -> AsyncIterator[T]:
    """Enter ``opening`` and leave it again, whatever happens in between.

    ``fatal`` ends the wait for it early. ``on_end`` is told when it ends by itself. ``before_close`` and
    ``after_close`` are called around its end in any case, also when it never opened.

    Raises:
        Exception: what ``explain`` makes of a failure to open: of what ``opening`` raises, of what ``fatal`` holds, or
            of the TimeoutError after ``timeout_s``.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[T] = loop.create_future()
    stop = asyncio.Event()

    async def hold() -> None:
        async with opening as value:
            if not ready.done():
                ready.set_result(value)
            await stop.wait()

    def ended(task: asyncio.Task[None]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if not stop.is_set() and ready.done():
            on_end(error)

    task = asyncio.create_task(hold(), name="groundhog-load-session")
    task.add_done_callback(ended)
    waiting: set[asyncio.Future[Any]] = {task, ready} if fatal is None else {task, ready, fatal}
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            error = _error(task) or (_error(fatal) if fatal is not None else None) or TimeoutError()
            raise explain(error) from error
        yield ready.result()
    finally:
        before_close()
        opened = ready.done()
        stop.set()
        ready.cancel()
        try:
            await _end(task, opened=opened)
        finally:
            after_close()


class Doubt:
    """Ends the wait for a handshake some time after it has become doubtful that there will be one."""

    def __init__(self, within_s: float) -> None:
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """For :func:`held`: what is ``fatal``."""
        self._within_s = within_s
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Begin to doubt, unless that is so already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._within_s, self._give_up)

    def _give_up(self) -> None:
        if not self.end.done():
            self.end.set_exception(ConnectionError("the handshake has no answer"))
            self.end.exception()  # seen: nobody waits for it once the session is open


def _error(future: asyncio.Future[Any]) -> Exception | None:
    """Return why a future is done, if it is."""
    if not future.done():
        return None
    error = ConnectionError("the connection was closed") if future.cancelled() else future.exception()
    return error if isinstance(error, Exception) else ConnectionError(f"the connection was closed ({error!r})")


async def _end(task: asyncio.Task[Any], *, opened: bool) -> None:
    """Wait for a task that has been told to stop; the wait itself cannot be cancelled, and is bounded."""
    cancelled = False
    loop = asyncio.get_running_loop()
    if not opened:
        task.cancel()
    for limit_s in (CLOSE_S, 1.0):
        until = loop.time() + limit_s
        while not task.done() and (left_s := until - loop.time()) > 0:
            try:
                await asyncio.wait({task}, timeout=left_s)
            except asyncio.CancelledError:
                cancelled = True
        task.cancel()
    if task.done():
        with suppress(BaseException):
            task.result()
    if cancelled:
        raise asyncio.CancelledError
