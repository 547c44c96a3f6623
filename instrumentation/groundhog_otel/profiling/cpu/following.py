"""The operations that a session follows: from their beginning, or from the session's, to their end.

``begun`` and ``ended`` run in the tasks of the program that is watched; they take no lock and never raise.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from threading import get_ident
from time import perf_counter_ns, thread_time_ns
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import IN_FLIGHT, ON_BEGIN, ON_END
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.profiling.cpu.targets import Targets
from groundhog_otel.profiling.model import Link
from groundhog_otel.runtime.frames import context_of, operation_of

if TYPE_CHECKING:
    from groundhog_otel.profiling.cpu.tally import Tally

__all__ = ("MARK", "PROFILE_ID", "Followed", "Following", "Mark")

PROFILE_ID: Final = "groundhog.profile.id"
"""The attribute of a span that names the profile in which its operation was seen."""


class Mark:
    """Left in the context of the task in which an operation began: child tasks and worker threads inherit it."""

    __slots__ = ("operation", "outer")

    def __init__(self, operation: Operation, outer: Mark | None) -> None:
        self.operation = ref(operation)  # whatever the context outlives, it is not for us to keep
        self.outer = outer

    def under_way(self) -> list[Operation]:
        """Return the operations that have not ended, innermost first."""
        found: list[Operation] = []
        mark: Mark | None = self
        while mark is not None:
            operation = mark.operation()
            if operation is not None and operation in IN_FLIGHT:
                found.append(operation)
            mark = mark.outer
        return found


MARK: Final[ContextVar[Mark | None]] = ContextVar("groundhog_profile", default=None)


def _no_task() -> None:
    return None


class Followed:
    """One operation that is followed."""

    # Defaults, so that what most operations never need is not set for each of them.
    tally: Tally | None = None
    """Where its samples are held until it is known whether they are kept; None: they are."""
    thread = 0
    """Known, with ``cpu_ns``, of the operation that has woken the sampler."""
    cpu_ns = 0
    """CPU time of its thread when it began."""
    looks = 0
    keep = False
    _link: Link | None = None

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.task: Callable[[], asyncio.Task[Any] | None] = _no_task
        self.begun_ns = self.since_ns = perf_counter_ns()

    @property
    def link(self) -> Link:
        """What its samples carry; made when the first of them needs it."""
        if self._link is None:
            self._link = _link(self.operation)
        return self._link


class Following:
    """The operations of one session that are under way."""

    def __init__(self, targets: Targets, profile_id: str, hold: Callable[[], Tally] | None) -> None:
        self.targets = targets
        self.profile_id = profile_id
        self.under_way: dict[Operation, Followed] = {}
        self.ended: deque[Followed] = deque()
        """Those that have, for the sampler to settle."""
        self.loops: dict[int, ref[asyncio.AbstractEventLoop]] = {}
        """By the thread that runs them."""
        self.unmarked = 0
        """How many of them began before the session."""
        self.rests: Callable[[], bool] = lambda: False
        """Whether nobody looks until ``wake`` is called."""
        self.wake: Callable[[], None] = lambda: None
        self._hold = hold
        self._choosy = bool(targets.tools) or targets.calls is not None
        self._begun = 0

    def start(self) -> None:
        """Follow what is under way already, and what begins from now on."""
        ON_BEGIN.append(self.begun)
        ON_END.append(self.finished)
        early = [one for one in tuple(IN_FLIGHT) if one not in self.under_way]
        for operation in early:
            self._follow(operation)
        self._adopt({one for one in early if one in self.under_way})

    def stop(self) -> None:
        """Follow nothing any more."""
        if self.begun in ON_BEGIN:
            ON_BEGIN.remove(self.begun)
        if self.finished in ON_END:
            ON_END.remove(self.finished)

    @property
    def exhausted(self) -> bool:
        """Whether as many operations have begun as were asked for, and all of them have ended."""
        calls = self.targets.calls
        return calls is not None and self._begun >= calls and not self.under_way

    def begun(self, operation: Operation) -> None:
        """Take note of an operation that has just begun in the current task."""
        try:
            one = self._follow(operation)
            if one is None:
                return
            mark = MARK.get()
            if mark is None or mark.operation() is not operation:  # else another session has left it
                while mark is not None and mark.operation() not in IN_FLIGHT:
                    mark = mark.outer
                MARK.set(Mark(operation, mark))
            loop = asyncio._get_running_loop()
            if loop is not None:
                task = asyncio.current_task(loop)
                if task is not None:
                    one.task = ref(task)
                self._note(get_ident(), loop)
            if self.rests():
                one.thread, one.cpu_ns = get_ident(), thread_time_ns()
                self.wake()
        except Exception:
            guarded_error("cpu profiler")

    def finished(self, operation: Operation, duration_s: float) -> None:
        """Take note of an operation that has ended, and name the profile on its span if that has seen it."""
        try:
            one = self.under_way.pop(operation, None)
            if one is None:
                return
            one.keep = self.targets.keep(operation, duration_s)
            if one.keep and one.looks:
                operation.set(PROFILE_ID, self.profile_id)
            self.ended.append(one)
        except Exception:
            guarded_error("cpu profiler")

    def lost(self) -> None:
        """Settle operations that have gone without an end that anybody was told of."""
        for operation, one in list(self.under_way.items()):
            if operation not in IN_FLIGHT and self.under_way.pop(operation, None) is not None:
                one.keep = self.targets.keep(operation, (perf_counter_ns() - one.begun_ns) / 1e9)
                self.ended.append(one)

    def _follow(self, operation: Operation) -> Followed | None:
        if self._choosy:
            calls = self.targets.calls
            if (calls is not None and self._begun >= calls) or not self.targets.want(operation):
                return None
            self._begun += 1
        one = self.under_way[operation] = Followed(operation)
        if self._hold is not None:
            one.tally = self._hold()
        return one

    def _note(self, thread: int, loop: asyncio.AbstractEventLoop) -> None:
        known = self.loops.get(thread)
        if known is None or known() is not loop:
            self.loops[thread] = ref(loop)

    def _adopt(self, operations: set[Operation]) -> None:
        """Find the tasks of operations that began before anybody marked them, and the threads of their loops."""
        if not operations:
            return
        self.unmarked = len(operations)
        loops: set[asyncio.AbstractEventLoop] = set()
        for task in [one for one in gc.get_objects() if issubclass(type(one), asyncio.Task)]:
            try:
                if not task.done():
                    loops.add(task.get_loop())
                    operation = operation_of(context_of(task), operations)
                    if operation is not None and self.under_way[operation].task() is None:
                        self.under_way[operation].task = ref(task)
            except Exception:
                guarded_error("cpu profiler")
        for loop in loops:
            thread = getattr(loop, "_thread_id", None)  # asyncio's own know it, others have to be asked
            if isinstance(thread, int):
                self._note(thread, loop)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(lambda one=loop: self._note(get_ident(), one))  # type: ignore[misc]


def _link(operation: Operation) -> Link:
    span: Any = trace.INVALID_SPAN if operation.context is None else trace.get_current_span(operation.context)
    context = span.get_span_context()
    name = getattr(span, "name", None)
    target = operation.target
    if target is None and isinstance(name, str) and name.startswith(f"{operation.method} "):
        target = name[len(operation.method) + 1 :]
    return Link(
        operation.method,
        target,
        "server" if operation.kind is SpanKind.SERVER else "client",
        trace.format_trace_id(context.trace_id) if context.is_valid else None,
        trace.format_span_id(context.span_id) if context.is_valid else None,
    )
