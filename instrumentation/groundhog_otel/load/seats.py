"""The sessions of a load test: each user's, opened, kept, and opened anew when it is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import TaskGroup

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session, Target

__all__ = ("Seat", "Seats")

_AT_ONCE: Final = 20
"""Sessions that are being opened: more would only time the server's accept queue."""
_RETRY_S: Final = (0.1, 0.5, 1.0, 2.0)
_MOST_FAILURES: Final = 8


class Seat:
    """One user's place. ``session`` is the one that is open; None while there is none."""

    def __init__(self, target: Target, at_once: anyio.Semaphore) -> None:
        self.session: Session | None = None
        self.problem: str | None = None
        """Why there is no session."""
        self.reopened = 0
        self.gave_up = False
        """The server cannot be reached again."""
        self._target = target
        self._at_once = at_once
        self._opened = anyio.Event()
        self._left = anyio.Event()
        self._lost = anyio.Event()

    async def ready(self) -> None:
        """Wait for the first session.

        Raises:
            LoadError: it cannot be opened.
        """
        await self._opened.wait()
        if self.session is None:
            raise LoadError(self.problem or "the server does not answer")

    def lose(self) -> None:
        """Take note that the session answers no more: another one is opened."""
        self.session = None
        self._lost.set()

    def leave(self) -> None:
        """Close the session, for good."""
        self._left.set()
        self._lost.set()

    async def keep(self) -> None:
        """Open a session and keep it until :meth:`leave`; open another when it is lost.

        A session is opened and closed in one task, as its time-outs want it.
        """
        failures = 0
        while not self._left.is_set():
            self._lost = anyio.Event()
            try:
                await self._sit()
                failures, self.gave_up = 0, False
            except LoadError as error:
                self.problem = str(error)
                if not self._opened.is_set():
                    self._opened.set()  # who waits for the first one is told
                    return
                failures += 1
                self.gave_up = failures >= _MOST_FAILURES
            if not self._left.is_set():
                with anyio.move_on_after(_RETRY_S[min(failures, len(_RETRY_S) - 1)]):
                    await self._left.wait()

    async def _sit(self) -> None:
        async with self._at_once:
            connecting = self._target.open()
            session = await connecting.__aenter__()
        try:
            self.session, self.problem = session, None
            self.reopened += self._opened.is_set()
            self._opened.set()
            await self._lost.wait()
        except BaseException as error:
            self.session = None
            with suppress(LoadError):
                if not await connecting.__aexit__(type(error), error, error.__traceback__):
                    raise
        else:
            self.session = None
            with suppress(LoadError):  # one that is lost may end in whatever way
                await connecting.__aexit__(None, None, None)


class Seats:
    """All the seats of a process."""

    def __init__(self, target: Target, count: int) -> None:
        at_once = anyio.Semaphore(_AT_ONCE)
        self.all = [Seat(target, at_once) for _ in range(count)]

    @property
    def open(self) -> int:
        """How many sessions are open."""
        return sum(seat.session is not None for seat in self.all)

    @property
    def reopened(self) -> int:
        """How many had to be opened anew."""
        return sum(seat.reopened for seat in self.all)

    async def fill(self, tasks: TaskGroup, opened: Callable[[], None] = lambda: None) -> None:
        """Open every session; ``opened`` is called as they open.

        Raises:
            LoadError: one of them cannot be opened.
        """
        for seat in self.all:
            tasks.start_soon(seat.keep)
        for seat in self.all:
            await seat.ready()
            opened()

    def leave(self) -> None:
        """Close every session, for good."""
        for seat in self.all:
            seat.leave()
