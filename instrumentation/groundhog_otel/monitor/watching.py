"""Hears of every MCP operation of this process, and forgets nothing while nobody reads.

``ended`` runs inside the program, perhaps in a signal's handler or while this very thread reads: it takes no lock. It
leaves a note, and whoever gets the lock without waiting works the notes off.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter, deque
from time import monotonic
from typing import Final
from weakref import WeakSet

from opentelemetry.trace import SpanKind

from groundhog_otel.budgets import Budget
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT, ON_BEGIN, ON_END
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.monitor.metrics import Key, OperationMetrics, Side
from groundhog_otel.monitor.operations import Operations

__all__ = ("Watch",)

_CLIENT: Final = SpanKind.CLIENT  # a member that is asked of its class costs a call
_TOGETHER: Final = 64
_MOST_NOTES: Final = 100_000
_Note = tuple[Key, float, float, "str | None", "Budget | None"]


class Watch:
    """The operations of this process, from :meth:`begin` to :meth:`stop`."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._listens = False
        self.loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        """Those in which operations have begun."""
        self.reset()
        _WATCHES.add(self)

    def reset(self) -> None:
        """Know nothing, as a forked child must: its parent's calls and locks are not its own."""
        self._lock = threading.Lock()
        self._notes: deque[_Note] = deque(maxlen=_MOST_NOTES)
        self._operations = Operations(self._window_s, monotonic())
        self.blocks: dict[int, Key] = {}
        """Blocks of code that are being measured, each under a number of its own."""
        self.loops.clear()

    def begin(self) -> None:
        """Listen; a second time this does nothing."""
        if not self._listens:
            self._listens = True
            ON_BEGIN.append(self._begun)
            ON_END.append(self._ended)

    def stop(self) -> None:
        """Listen no more."""
        self._listens = False
        for listeners, own in ((ON_BEGIN, self._begun), (ON_END, self._ended)):
            if own in listeners:
                listeners.remove(own)  # type: ignore[arg-type] # each has its own kind

    def note(self, key: Key, duration_s: float, error: str | None = None, budget: Budget | None = None) -> None:
        """Take what somebody has measured and that ends now."""
        self._notes.append((key, monotonic(), duration_s, error, budget))
        if len(self._notes) >= _TOGETHER and self._lock.acquire(blocking=False):
            try:
                self._work_off()
            finally:
                self._lock.release()

    def read(self) -> tuple[tuple[OperationMetrics, ...], float]:
        """Return all operations, and how long a time that looks back on."""
        now_s = monotonic()
        in_flight = Counter(list(self.blocks.values()))
        if self._listens:
            in_flight.update(_key(operation) for operation in tuple(IN_FLIGHT))
        with self._lock:
            self._work_off()
            return self._operations.read(now_s, in_flight), self._operations.covered_s(now_s)

    def _work_off(self) -> None:
        for _ in range(len(self._notes)):
            key, at_s, duration_s, error, budget = self._notes.popleft()
            self._operations.add(key, at_s, duration_s, error, budget=budget)

    def _begun(self, _operation: Operation) -> None:
        try:
            loop = asyncio._get_running_loop()
            if loop is not None and loop not in self.loops:
                self.loops.add(loop)
        except Exception:
            guarded_error("monitor")

    def _ended(self, operation: Operation, duration_s: float) -> None:
        try:
            self.note(_key(operation), duration_s, operation.outcome.error_type)
        except Exception:
            guarded_error("monitor")


def _key(operation: Operation) -> Key:
    side: Side = "client" if operation.kind is _CLIENT else "server"
    return Key(side, *operation.bounded_names())


_WATCHES: WeakSet[Watch] = WeakSet()


def _start_over() -> None:
    for watch in list(_WATCHES):
        watch.reset()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over)
