"""The process that drives: greenlets wait for answers of the engine's process, and for nothing else."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import gevent
from gevent import subprocess
from gevent.event import AsyncResult
from gevent.lock import RLock

from groundhog_otel.load.driven.order import MODULE, Order, written
from groundhog_otel.load.errors import LoadError

__all__ = ("Crew",)

_OF_A_USER: Final = ("opened", "over")
_ENDING_S: Final = 30.0
"""For sessions to be closed, telemetry to be sent, the file to be written."""


class Crew:
    """An engine's process, and who waits for what. ``on_request`` is called with each request that it tells of."""

    def __init__(self, order: Order, on_request: Callable[[str, float, str | None], None]) -> None:
        self.file: Path = order.file
        self.run_id = order.run_id
        self._order, self._on_request = order, on_request
        self._process: Any = None
        self._writing = RLock()
        self._waiting: dict[tuple[Any, ...], AsyncResult[Any]] = {}
        self._users = 0
        self._gone: LoadError | None = None

    def start(self) -> list[str]:
        """Start the process, and return what a person should know before the test begins.

        Raises:
            LoadError: the server cannot be reached, or cannot serve the scenarios; says what to do.
        """
        work = written(self._order)
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        ready = self._wait_for("ready")
        gevent.spawn(self._listen)
        self._write(work)
        notes: list[str] = ready.get()
        return notes

    def join(self, kind: int) -> int:
        """Open a session for a user, and return the user's number.

        Raises:
            LoadError: there is none to be had.
        """
        number, self._users = self._users, self._users + 1
        problem = self._ask("opened", number, "open", number, kind)
        if problem is not None:
            raise LoadError(problem)
        return number

    def go(self, number: int) -> None:
        """Go through a round, which is due now; return when it is over.

        Raises:
            LoadError: the process has gone.
        """
        self._ask("over", number, "go", number, time.perf_counter_ns())

    def leave(self, number: int) -> None:
        """Let a user leave; what is under way is finished without anybody waiting for it."""
        self._waiting.pop(("over", number), None)
        self._say("leave", number)

    def drain(self) -> None:
        """Wait until nothing is under way any more; by then all requests have been told of."""
        with suppress(LoadError):
            self._ask("drained", None, "drain")

    def end(self) -> int:
        """Have the result written, and return how many requests it counts.

        Raises:
            LoadError: it cannot be written.
        """
        try:
            late: Any = LoadError(f"The process beside Locust has not ended within {_ENDING_S:g} s")
            with gevent.Timeout(_ENDING_S, late):
                count: int = self._ask("ended", None, "end")
                self._process.wait()
        finally:
            if self._process.poll() is None:
                self._process.kill()
        return count

    def _ask(self, answer: str, number: int | None, *what: Any) -> Any:
        waiting = self._wait_for(answer, *(() if number is None else (number,)))
        self._say(*what)
        return waiting.get()

    def _wait_for(self, *answer: Any) -> AsyncResult[Any]:
        if self._gone is not None:
            raise self._gone
        waiting = self._waiting[answer] = AsyncResult()
        return waiting

    def _say(self, *what: Any) -> None:
        self._write(json.dumps(what).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        with self._writing, suppress(OSError, ValueError):  # it has died, and that is heard elsewhere
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _listen(self) -> None:
        for line in self._process.stdout:
            word, *rest = json.loads(line)
            if word == "request":
                self._on_request(*rest)
            elif word == "error":
                self._gone = LoadError(rest[0])
            else:
                self._heard(word, rest)
        code = self._process.wait()
        self._gone = self._gone or LoadError(
            f"The process beside Locust has ended (exit code {code}), and what it had measured is lost: see what it has"
            " said"
        )
        for waiting in self._waiting.values():
            waiting.set_exception(self._gone)
        self._waiting.clear()

    def _heard(self, word: str, rest: list[Any]) -> None:
        waiting = self._waiting.pop((word, rest[0]) if word in _OF_A_USER else (word,), None)
        if waiting is not None:
            waiting.set(rest[-1] if rest else None)
