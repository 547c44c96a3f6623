"""anyio's worker threads, in which servers run functions that would block: how many are busy, how long others wait."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from opentelemetry import trace
from opentelemetry.metrics import Histogram, Observation

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.patching import Hook

__all__ = ("WAIT", "WAITED", "Limiters", "hooks")

WAIT: Final = "groundhog.worker_threads.wait"
"""Seconds: of the histogram, and of the event."""
WAITED: Final = "groundhog.worker_threads.waited"
_WORTH_TELLING_S: Final = 0.001
_MODULE: Final = "anyio.to_thread"


def hooks(wait: Histogram) -> tuple[Hook, ...]:
    """Return the hook that measures how long a call waits for its thread."""

    def timed(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run_sync(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return await original(_Call(func, wait) if callable(func) else func, *args, **kwargs)

        return run_sync

    return (Hook(_MODULE, "run_sync", timed),)


class _Call:
    """Stands in for a function on its way to a worker thread."""

    __slots__ = ("_asked", "_func", "_wait")

    def __init__(self, func: Callable[..., Any], wait: Histogram) -> None:
        self._func = func
        self._wait = wait
        self._asked = perf_counter()

    def __call__(self, *args: Any) -> Any:
        try:
            waited_s = perf_counter() - self._asked
            self._wait.record(waited_s)
            if waited_s > _WORTH_TELLING_S:
                span = trace.get_current_span()  # of whoever asked: its context came along
                if span.is_recording():
                    span.add_event(WAITED, {WAIT: waited_s})
        except Exception:
            guarded_error("worker threads")
        return self._func(*args)


class Limiters:
    """The default limiters of the event loops in which operations have begun: one bounds the threads of each loop."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self._latest: Callable[[], object] = lambda: None

    def begun(self, _operation: Operation) -> None:
        """Take note of the running loop's limiter: only in a task of the loop does anyio tell which it is."""
        try:
            loop = asyncio._get_running_loop()
            if loop is self._latest():
                return
            module = sys.modules.get(_MODULE)
            if module is not None and loop is not None:
                self._known[loop] = module.current_default_thread_limiter()
                self._latest = ref(loop)
        except Exception:
            guarded_error("worker threads")

    def read(self, one: Callable[[Any], float]) -> list[Observation]:
        """Return the sum of a figure over all loops; nothing while there is none, or it has no bound."""
        found = [one(limiter) for loop, limiter in list(self._known.items()) if not loop.is_closed()]
        return [Observation(sum(found))] if found and sum(found) != float("inf") else []
