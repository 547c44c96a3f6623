"""The operations that a session follows: from their beginning, or from the session's, to their end.

``begun`` and ``ended`` run in the tasks of the program that is watched; they take no lock and never raise.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar
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
from groundhog_otel.semconv import PROFILE_ID

if TYPE_CHECKING:
    from groundhog_otel.profiling.cpu.tally import Tally

__all__ = ("MARK", "Followed", "Following", "marked")

Mark = tuple["ref[Operation]", "Mark | None"]
"""An operation and the mark before it. What the context outlives is not for us to keep."""
MARK: Final[ContextVar[Mark | None]] = ContextVar("groundhog_profile", default=None)
"""Left in the context of the task in which an operation began: child tasks and worker threads inherit it."""


def marked(context: Context) -> list[Operation]:
    """Return the operations that have left their mark in a context and have not ended, innermost first."""
    found: list[Operation] = []
    mark = context.get(MARK)
    while mark is not None:
        operation = mark[0]()
        if operation is not None and operation in IN_FLIGHT:
            found.append(operation)
        mark = mark[1]
    return found


def _no_task() -> None:
    return None


class Followed:
    """One operation that has been looked at: most never are, and so have none."""

    def __init__(self, operation: Operation, since_ns: int, tally: Tally | None) -> None:
        self.operation = operation
        self.begun_ns = self.since_ns = since_ns
        self.tally = tally
        """Where its samples are held until it is known whether they are kept; None: they are."""
        self.link = _link(operation)
        """What its samples carry."""
        self.looks = 0
        self.keep = False


class Following:
    """The operations of one session that are under way."""

    def __init__(self, targets: Targets, profile_id: str, hold: Callable[[], Tally] | None) -> None:
        self.targets = targets
        self.profile_id = profile_id
        self.under_way: dict[Operation, Callable[[], asyncio.Task[Any] | None]] = {}
        """Each with its task."""
        self.seen: dict[Operation, Followed] = {}
        """Those of them that have been looked at."""
        self.ended: deque[Followed] = deque()
        """Of those, the ones that have ended and whose samples were held: for the sampler to settle."""
        self.loops: dict[int, ref[asyncio.AbstractEventLoop]] = {}
        """By the thread that runs them."""
        self.unmarked = 0
        """How many of them began before the session."""
        self.woken_by: tuple[int, int, int] | None = None
        """Of the operation that has woken the sampler: its thread, when it began, and the thread's CPU time then."""
        self.rests: Callable[[], bool] = lambda: False
        """Whether nobody looks until ``wake`` is called."""
        self.wake: Callable[[], None] = lambda: None
        self._hold = hold
        self._choosy = bool(targets.tools) or targets.calls is not None
        self._begun = 0
        self._since_ns = 0

    def start(self) -> None:
        """Follow what is under way already, and what begins from now on."""
        self._since_ns = perf_counter_ns()
        ON_BEGIN.append(self.begun)
        ON_END.append(self.finished)
        early = [one for one in tuple(IN_FLIGHT) if one not in self.under_way and self._wanted(one)]
        self.under_way.update(dict.fromkeys(early, _no_task))
        self._adopt(set(early))

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
            if self._choosy and not self._wanted(operation):
                return
            mark = MARK.get()
            if mark is None or mark[0]() is not operation:  # else another session has left it
                while mark is not None and mark[0]() not in IN_FLIGHT:
                    mark = mark[1]
                MARK.set((ref(operation), mark))
            task: Callable[[], asyncio.Task[Any] | None] = _no_task
            loop = asyncio._get_running_loop()
            if loop is not None:
                current = asyncio.current_task(loop)
                if current is not None:
                    task = ref(current)
                self._note(get_ident(), loop)
            self.under_way[operation] = task
            if self.rests():
                self.woken_by = get_ident(), perf_counter_ns(), thread_time_ns()
                self.wake()
        except Exception:
            guarded_error("cpu profiler")

    def finished(self, operation: Operation, duration_s: float) -> None:
        """Take note of an operation that has ended, and name the profile on its span if that has seen it."""
        try:
            if self.under_way.pop(operation, None) is None or operation not in self.seen:
                return
            one = self.seen.pop(operation)
            one.keep = self.targets.keep(operation, duration_s)
            if one.keep and one.looks:
                operation.set(PROFILE_ID, self.profile_id)
            if one.tally is not None:
                self.ended.append(one)
        except Exception:
            guarded_error("cpu profiler")

    def followed(self, operation: Operation) -> Followed | None:
        """Return what is known of an operation that is looked at now; None if it is not one that is followed."""
        one = self.seen.get(operation)
        if one is None and operation in self.under_way:
            since_ns = max(self._since_ns, int(operation.started * 1e9))
            one = self.seen[operation] = Followed(operation, since_ns, None if self._hold is None else self._hold())
            if operation not in self.under_way:  # it has ended meanwhile, in its own thread
                self.seen.pop(operation, None)
                return None
        return one

    def lost(self) -> None:
        """Settle operations that have gone without an end that anybody was told of."""
        for operation in list(self.under_way):
            if operation not in IN_FLIGHT and self.under_way.pop(operation, None) is not None:
                one = self.seen.pop(operation, None)
                if one is not None and one.tally is not None:
                    one.keep = self.targets.keep(operation, (perf_counter_ns() - one.begun_ns) / 1e9)
                    self.ended.append(one)

    def _wanted(self, operation: Operation) -> bool:
        """Tell whether an operation that has begun is to be followed, and count it if so."""
        calls = self.targets.calls
        if (calls is not None and self._begun >= calls) or not self.targets.want(operation):
            return False
        self._begun += 1
        return True

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
                    if operation is not None and self.under_way.get(operation) is _no_task:
                        self.under_way[operation] = ref(task)
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
