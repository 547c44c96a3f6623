"""Whether the event loops of this process answer, and how soon: asked from another thread, when somebody asks."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from collections.abc import Collection, Iterable
from time import perf_counter
from types import FrameType

from groundhog_otel.runtime.uncollected import uncollected

__all__ = ("ask", "running", "slowest_answer_s")


def running(known: Iterable[asyncio.AbstractEventLoop]) -> list[asyncio.AbstractEventLoop]:
    """Return the loops that run: the known ones, or else that of the main thread.

    Before the first operation no loop is known. The main thread's is found by looking for it in what the thread runs.
    """
    try:
        candidates = list(known)
    except RuntimeError:  # one more has come to be known meanwhile
        candidates = []
    found = [loop for loop in candidates if loop.is_running() and not loop.is_closed()]
    if found:
        return found
    with uncollected():
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        return [loop for loop in _below(frame) if loop.is_running()][:1]


def ask(loop: asyncio.AbstractEventLoop, timeout_s: float) -> float:
    """Return how long the loop took to run a callback, in seconds; infinite when it did not in ``timeout_s``."""
    answered = threading.Event()
    asked_s = perf_counter()
    try:
        loop.call_soon_threadsafe(answered.set)
    except RuntimeError:  # closed a moment ago
        return math.inf
    return perf_counter() - asked_s if answered.wait(timeout_s) else math.inf


def slowest_answer_s(loops: Collection[asyncio.AbstractEventLoop], timeout_s: float) -> float | None:
    """Return how long the slowest of some loops took, as :func:`ask` does; None when there is none.

    Not to be called in one of them: it could not answer.
    """
    own = asyncio._get_running_loop()
    answers = [ask(loop, timeout_s) for loop in loops if loop is not own]
    return max(answers, default=None)


def _below(frame: FrameType | None) -> Iterable[asyncio.AbstractEventLoop]:
    while frame is not None:
        own = (
            frame.f_locals.get("self") if frame.f_code.co_name in ("run_forever", "run", "run_until_complete") else None
        )
        if isinstance(own, asyncio.AbstractEventLoop):
            yield own
        elif type(own).__name__ == "Runner":  # asyncio's, and anyio's for Python 3.10: uvloop has no frames of its own
            loop = getattr(own, "_loop", None)
            if isinstance(loop, asyncio.AbstractEventLoop):
                yield loop
        frame = frame.f_back
