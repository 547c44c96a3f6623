"""How late event loops run their callbacks: a heartbeat in each loop that has operations under way.

A beat is a timer that the loop is asked for. It beats while operations are under way and stops after the last one, so a
process without MCP traffic does nothing; nothing else of the loop is touched. That a beat is overdue is for the
watchdog to notice, from its own thread.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import Context as TaskContext
from threading import Lock, get_ident
from time import perf_counter
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.runtime.blocks import Block, metric_attributes
from groundhog_otel.runtime.frames import Location, depth_of

__all__ = ("LAG", "Heart", "Hearts")

LAG: Final = "groundhog.event_loop.lag"
"""Seconds: of the histogram, and of a server's span that has begun in a loop that is late."""
_WORTH_TELLING_S: Final = 0.001

_INTERVAL_S: Final = 0.05
"""Twenty beats a second, or twice within the threshold where that is shorter."""
_SLOW_S: Final = 1.0
_PATIENCE: Final = 1200
"""After so many beats without a new operation, a minute, those left may wait for hours: then it beats slowly."""
_NOWHERE: Final = Context()
"""Lag is no one operation's: its measurements name no trace."""


class Hearts:
    """The loops that are beating, and what they report to."""

    def __init__(self, lag: Histogram, blocked: Histogram, *, threshold_s: float) -> None:
        self.lag = lag
        self.blocked = blocked
        self.threshold_s = threshold_s
        self.interval_s = min(_INTERVAL_S, threshold_s / 2)
        self.beating: dict[asyncio.AbstractEventLoop, Heart] = {}
        self.on_start: Callable[[], None] = lambda: None
        """Called when a heart begins to beat."""

    def begun(self, operation: Operation) -> None:
        """Watch the loop that an operation has begun in, for as long as it has any."""
        try:
            loop = asyncio._get_running_loop()
            if loop is None:  # trio
                return
            heart = self.beating.get(loop)
            if heart is None:
                heart = self.beating[loop] = Heart(self, loop)
                self.on_start()
            heart.operations.add(operation)
            if operation.kind is SpanKind.SERVER:
                lag_s = heart.lag()
                if lag_s > _WORTH_TELLING_S:
                    operation.set(LAG, lag_s)
            if heart.quiet:
                heart.hurry()
        except Exception:
            guarded_error("event loop")

    def forget(self, heart: Heart) -> None:
        """Stop a heart: its beat that is still to come does nothing."""
        if self.beating.get(heart.loop) is heart:
            del self.beating[heart.loop]


class Heart:
    """The heartbeat of one loop. The watchdog calls ``notice`` and ``stuck_since``, the loop's thread all else."""

    def __init__(self, hearts: Hearts, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread = get_ident()
        self.depth = _depth_of_step()
        """How deep the first frame of a callback lies; 0 while that is not known."""
        self.operations: set[Operation] = set()
        """Those begun in this loop; the ended ones among them go at the next beat."""
        self.quiet = 0
        """Beats since the last of them began."""
        self._hearts = hearts
        # A beat must not carry on the context of whoever happened to start it: that would keep their span alive.
        self._context = TaskContext()
        self._lock = Lock()  # between the loop and the watchdog, for a few assignments
        self._blocks: list[Block] = []
        self._unnamed: dict[Operation, list[float]] = {}
        self._steady = False
        self._lag_s = 0.0
        self._alive = perf_counter()
        self._schedule(hearts.interval_s)

    def hurry(self) -> None:
        """Beat at the usual rate again: an operation has begun."""
        slow, self.quiet = self.quiet > _PATIENCE, 0
        if slow:
            self._timer.cancel()
            self._schedule(self._hearts.interval_s)

    def lag(self) -> float:
        """Return how late the loop runs what is due, by the last beat or by the one that is overdue; seconds."""
        return max(self._lag_s, perf_counter() - self._due)

    def stuck_since(self) -> float:
        """Return since when the loop has not run what was due; a moment to come, when nothing is."""
        return max(self._due, self._alive)

    def notice(self, since: float, culprit: Operation | None, where: Location | None) -> None:
        """Take what the watchdog has seen, unless the loop has moved on since it looked."""
        with self._lock:
            if self.stuck_since() != since:
                return
            block = self._blocks[-1] if self._blocks else None
            if block is None or block.culprit is not culprit:
                if block is not None:
                    block.until = since = perf_counter()
                block = Block(since, culprit, self._under_way())
                self._blocks.append(block)
        block.saw(where)
        for operation in (culprit, *block.victims):
            if operation is not None:
                operation.at_end = self._ended

    def _under_way(self) -> set[Operation]:
        return {one for one in tuple(self.operations) if one in IN_FLIGHT}

    def _schedule(self, delay_s: float) -> None:
        self._due = perf_counter() + delay_s
        self._timer = self.loop.call_later(delay_s, self._beat, context=self._context)

    def _beat(self) -> None:
        try:
            if self._hearts.beating.get(self.loop) is not self:
                return
            self._lag_s = max(0.0, perf_counter() - self._due)
            self._hearts.lag.record(self._lag_s, context=_NOWHERE)
            self._settle()
            if not self._steady:  # an eager task's first step, where the heart may have begun, lies deeper
                self.depth, self._steady = depth_of(sys._getframe()), True
            if self.operations:  # some have begun since the last beat, or are under way still
                self.operations = self._under_way()
                self.quiet += 1
                self._schedule(self._hearts.interval_s if self.quiet <= _PATIENCE else _SLOW_S)
            else:
                self._hearts.forget(self)
        except Exception:
            self._hearts.forget(self)
            guarded_error("event loop")

    def _settle(self) -> None:
        """Report what was noticed: something else runs in the loop now, so it is over."""
        now = perf_counter()
        with self._lock:
            self._alive = now
            blocks, self._blocks = self._blocks, []
        for block in blocks:
            duration_s = (block.until or now) - block.since
            if duration_s >= self._hearts.threshold_s:
                block.report(duration_s)
                self._count(block.culprit, duration_s)

    def _ended(self, operation: Operation) -> None:
        self._settle()
        for duration_s in self._unnamed.pop(operation, ()):
            self._count(operation, duration_s)

    def _count(self, culprit: Operation | None, duration_s: float) -> None:
        if culprit is None:
            self._hearts.blocked.record(duration_s, context=_NOWHERE)
        elif culprit in IN_FLIGHT and culprit.bounded_names() != (culprit.method, culprit.target):
            # A first call: its name may be vouched for when it ends.
            self._unnamed.setdefault(culprit, []).append(duration_s)
        else:
            self._hearts.blocked.record(duration_s, metric_attributes(culprit), context=culprit.context)


def _depth_of_step() -> int:
    """Return the depth of the frame in which the loop's current task began this step."""
    coroutine: Any = getattr(asyncio.current_task(), "get_coro", lambda: None)()
    return depth_of(getattr(coroutine, "cr_frame", None))
