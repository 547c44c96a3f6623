"""The sessions of a test: opened before it, opened anew when they die, closed after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import ServerFacts, Session, Target

__all__ = ("Connection", "Connections")

_AT_ONCE: Final = 32
"""Sessions that are being opened at the same time: servers have queues for that, of a hundred or so."""
_TRIES: Final = 3
"""After so many failures in a row to open any session again, the server is taken for gone."""
_CLOSE_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class Connection:
    """One logical client: a session, and the next one when that has died."""

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self._session: Session | None = None
        self._open = asyncio.Event()
        self._release: asyncio.Event | None = None

    async def open(self) -> None:
        """Open a session.

        Raises:
            LoadError: the server cannot be reached.
        """
        opened: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        release = asyncio.Event()
        task = self._owner.keep(self._hold(opened, release), release)
        try:
            self._session = await opened
        except BaseException:
            release.set()
            task.cancel()
            raise
        self._release = release
        self._open.set()

    def close(self) -> None:
        """Have the session closed, for good. Does not wait."""
        if self._release is not None:
            self._release.set()

    async def session(self, within_s: float) -> Session | None:
        """Return an open session; when it has died, wait for the next. None when there is none ``within_s``."""
        if self._session is not None and self._session.ended is None:
            return self._session
        self.look()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._open.wait(), within_s)
        return self._session

    def look(self) -> None:
        """Open a new session when the one that was open has died. Does not wait."""
        if self._session is None or self._session.ended is None or self._owner.closing:
            return
        self._owner.died(self._session.ended)
        self._session = None
        self._open.clear()
        if self._release is not None:
            self._release.set()  # it is closed while the next one is opened
        self._owner.keep(self._reopen())

    async def _reopen(self) -> None:
        failures, pause_s = 0, _FIRST_PAUSE_S
        while not self._owner.closing:
            try:
                await self.open()
            except LoadError as error:
                failures += 1
                self._owner.cannot_reopen(str(error), failures)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                self._owner.reopened += 1
                return

    async def _hold(self, opened: asyncio.Future[Session], release: asyncio.Event) -> None:
        try:
            async with self._owner.target.open() as session:
                self._owner.opened(session)
                try:
                    if not opened.done():
                        opened.set_result(session)
                    await release.wait()
                finally:
                    self._owner.closed(session)
        except Exception as error:
            if opened.done():
                return  # what closing a session raises is of no consequence
            known = error if isinstance(error, LoadError) else LoadError(f"{type(error).__name__}: {error}")
            opened.set_exception(known)
        except BaseException:
            opened.cancel()
            raise


class Connections:
    """All sessions of one process."""

    def __init__(self, target: Target, *, gone: Callable[[str], None]) -> None:
        """``gone`` is told why, when the server has died and cannot be reached any more."""
        self.target = target
        self.server: ServerFacts | None = None
        self.now = self.peak = 0
        """Sessions that are open, and the most that were at once."""
        self.reopened = 0
        self.closing = False
        self.trouble: str | None = None
        """Why the last session died that is not opened anew yet."""
        self._gone = gone
        self._sessions: set[Session] = set()
        self._notifications = 0
        """Of sessions that are closed."""
        self._tasks: dict[asyncio.Task[None], asyncio.Event | None] = {}
        self._death: str | None = None

    async def open(self, count: int) -> tuple[Connection, ...]:
        """Open sessions, some at the same time.

        Raises:
            LoadError: one cannot be opened; the others are left to :meth:`close`.
        """
        found = tuple(Connection(self) for _ in range(count))
        first, *others = found
        await first.open()  # alone: a server that does not start is not to be started 32 times
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(connection: Connection) -> None:
            async with gate:
                await connection.open()

        tasks = [asyncio.ensure_future(one(connection)) for connection in others]
        try:
            await asyncio.gather(*tasks)
        except LoadError as error:
            raise LoadError(f"{error} (after {self.peak} of {count} sessions had been opened)") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return found

    async def close(self) -> None:
        """Close all sessions, within bounds."""
        self.closing = True
        for task, release in self._tasks.items():
            if release is None:
                task.cancel()
            else:
                release.set()
        for _ in range(2):
            if self._tasks:
                await asyncio.wait(tuple(self._tasks), timeout=_CLOSE_S)
            for task in self._tasks:
                task.cancel()

    def keep(self, work: Coroutine[Any, Any, None], release: asyncio.Event | None = None) -> asyncio.Task[None]:
        """Run something that :meth:`close` ends: by ``release``, or by cancellation where there is none."""
        task = asyncio.create_task(work)
        self._tasks[task] = release
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    def opened(self, session: Session) -> None:
        """Count a session."""
        self.server = self.server or session.server
        self.now += 1
        self._sessions.add(session)
        self.peak = max(self.peak, self.now)
        self.trouble = None

    def closed(self, session: Session) -> None:
        """Count one less."""
        self.now -= 1
        self._sessions.discard(session)
        self._notifications += session.notifications

    @property
    def notifications(self) -> int:
        """How many notifications the server has sent, in all sessions that there were."""
        return self._notifications + sum(session.notifications for session in self._sessions)

    def died(self, why: str) -> None:
        """Take note of a death."""
        self._death = self.trouble = why

    def cannot_reopen(self, why: str, failures: int) -> None:
        """Take note that a session could not be opened anew, ``failures`` times in a row."""
        self.trouble = why
        if failures >= _TRIES and self.now == 0:
            self._gone(f"the server has died ({self._death}) and cannot be reached again: {why}")
