"""The process that drives: its greenlets wait for answers of the engine's process, and for nothing else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import gevent
from gevent import subprocess
from gevent.event import AsyncResult
from gevent.lock import RLock

from groundhog_otel.load.driven.order import MODULE, Order, written_order
from groundhog_otel.load.engine.messages import line, message
from groundhog_otel.load.errors import LoadError

__all__ = ("Crew",)

_ENDING_S: Final = 30.0
"""For sessions to be closed, telemetry to be sent, the file to be written."""


class Crew:
    """An engine's process, and who waits for what.

    ``on_request`` is called with each request: its operation, its response latency in seconds, its error; ``on_gone``
    when there is nothing more to be done, with the reason.
    """

    def __init__(
        self,
        order: Order,
        *,
        on_request: Callable[[str, float, str | None], None],
        on_gone: Callable[[LoadError], None],
    ) -> None:
        self.file: Path = order.file
        self.run_id = order.run_id
        self._order, self._on_request, self._on_gone = order, on_request, on_gone
        self._process: Any = None
        self._writing = RLock()
        self._waiting: dict[tuple[str, int | None], Any] = {}
        self._users = 0
        self._gone: LoadError | None = None
        """Why the process has ended, or is about to, for no reason of ours."""

    def start(self) -> list[str]:
        """Start the process, and return what a person should know before the test begins.

        Raises:
            LoadError: the server cannot be reached, or cannot serve the scenarios; says what to do.
        """
        work = written_order(self._order)
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        ready = self._wait_for("ready")
        gevent.spawn(self._listen)
        self._write(work)
        notes: list[str] = ready.get()["ready"]
        return notes

    def join(self, kind: int) -> int:
        """Open a session for a user, and return the user's number.

        Raises:
            LoadError: there is none to be had.
        """
        number, self._users = self._users, self._users + 1
        problem = self._ask("opened", number, open=number, kind=kind)["problem"]
        if problem is not None:
            raise LoadError(problem)
        return number

    def go(self, number: int) -> None:
        """Go through a round, which is due now; return when it is over.

        Raises:
            LoadError: the process has gone.
        """
        self._ask("over", number, go=number, due_ns=time.perf_counter_ns())

    def leave(self, number: int) -> None:
        """Let a user leave; what is under way is finished without anybody waiting for it."""
        self._waiting.pop(("over", number), None)
        self._write(line(leave=number))

    def drain(self) -> None:
        """Wait until nothing is under way any more; by then all requests have been told of."""
        with suppress(LoadError):
            self._ask("drained", None, drain=True)

    def end(self) -> int:
        """Have the result written, and return how many requests it counts.

        Raises:
            LoadError: it cannot be written.
        """
        late: Any = LoadError(f"The process beside this one has not ended within {_ENDING_S:g} s")
        try:
            with gevent.Timeout(_ENDING_S, late):
                count: int = self._ask("ended", None, end=True)["ended"]
                self._process.wait()
        finally:
            if self._process.poll() is None:
                self._process.kill()
        return count

    def _ask(self, answer: str, number: int | None, **said: Any) -> Mapping[str, Any]:
        waiting = self._wait_for(answer, number)
        self._write(line(**said))
        found: Mapping[str, Any] = waiting.get()
        return found

    def _wait_for(self, answer: str, number: int | None = None) -> Any:
        if self._gone is not None:
            raise self._gone
        waiting = self._waiting[answer, number] = AsyncResult()
        return waiting

    def _write(self, raw: bytes) -> None:
        with self._writing, suppress(OSError, ValueError):  # it has died, and that is heard elsewhere
            self._process.stdin.write(raw)
            self._process.stdin.flush()

    def _listen(self) -> None:
        ended = False
        for raw in self._process.stdout:
            said = message(raw)
            word = next(iter(said))
            if word == "request":
                self._on_request(said["request"], said["response_s"], said["error"])
            elif word == "gone":  # the process is there, and has what was measured until now
                self._on_gone(LoadError(said["gone"]))
            elif word == "failed":
                self._gone = LoadError(said["failed"])
            else:
                ended = word == "ended"
                waiting = self._waiting.pop((word, said[word] if word in ("opened", "over") else None), None)
                if waiting is not None:
                    waiting.set(said)
        code = self._process.wait()
        if not ended:
            self._gone = self._gone or LoadError(
                f"The process beside this one has ended (exit code {code}), and what it had measured is lost"
            )
            for waiting in self._waiting.values():
                waiting.set_exception(self._gone)
            self._waiting.clear()
            self._on_gone(self._gone)
