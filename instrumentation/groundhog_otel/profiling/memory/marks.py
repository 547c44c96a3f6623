"""A frame for each operation: whatever allocates below it has it on its stack, so the allocation tells its operation.

An engine records stacks and knows nothing of operations. So the handler of a message is awaited in a function whose
*file name* is the operation: exact for interleaved tasks, and no cost for each allocation. Functions that a handler
sends to a worker thread, and tasks that it starts, get the same frame.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from types import FunctionType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.mcp.operation import Operation, restore
from groundhog_otel.mcp.patching import Hook, Patches
from groundhog_otel.profiling.model import Link
from groundhog_otel.semconv import PROFILE_ID

__all__ = ("OWN_FILE", "Marks", "link_of")

OWN_FILE: Final = __file__
"""Whose frames lie between a mark and what it is for, and tell nobody anything."""
_PREFIX: Final = "<groundhog operation "
_MOST_OPERATIONS: Final = 10_000
"""Named each by its span; those after them by method and target only, so that a long session stays small."""


def link_of(file: str) -> Link | None:
    """Return the operation that a frame's file name stands for; None for a file."""
    if not file.startswith(_PREFIX):
        return None
    method, target, trace_id, span_id = json.loads(file[len(_PREFIX) : -1])
    return Link(method, target, "server", trace_id, span_id)


async def _awaited(mark: _Mark, answer: Awaitable[Any]) -> Any:
    token = _MARK.set(mark)
    try:
        return await answer
    finally:
        restore(token)


def _called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return function(*args, **kwargs)


def _sent(coroutine: Any, value: Any) -> Any:
    return coroutine.send(value)


class _Mark:
    """The functions that stand on the stack for one operation, or for all of one name."""

    __slots__ = ("awaited", "called", "sent")

    def __init__(self, link: Link) -> None:
        file = f"{_PREFIX}{json.dumps([link.method, link.target, link.trace_id, link.span_id])}>"
        name = link.method if link.target is None else f"{link.method} {link.target}"
        self.awaited = _named(_awaited, name, file)
        self.called = _named(_called, name, file)
        self.sent = _named(_sent, name, file)


def _named(function: Any, name: str, file: str) -> Any:
    code = function.__code__.replace(co_filename=file, co_name=name)
    if sys.version_info >= (3, 11):
        code = code.replace(co_qualname=name)
    return FunctionType(code, function.__globals__, name)


_MARK: ContextVar[_Mark | None] = ContextVar("groundhog_otel_mark", default=None)
"""Inherited by the tasks and worker threads that a handler starts."""


class Marks:
    """Gives operations their frames from :meth:`start` to :meth:`stop`, and counts them.

    With ``each=False`` all operations of one method and target share a frame: for sessions that last. ``profile_id`` is
    what their spans are told, ``tool`` the only tool that gets frames.
    """

    def __init__(self, *, each: bool = True, profile_id: str | None = None, tool: str | None = None) -> None:
        self.calls: dict[tuple[str, str | None], int] = {}
        """How many operations have begun since the start, by method and target."""
        self._each = each
        self._profile_id = profile_id
        self._tool = tool
        # Kept: an engine may tell code objects apart by their addresses.
        self._marks: list[_Mark] = []
        self._shared: dict[tuple[str, str | None], _Mark] = {}
        self._patches = Patches(_hooks())

    def start(self) -> None:
        """Mark what begins from now on."""
        AROUND.append(self._around)
        self._patches.install()

    def stop(self) -> None:
        """Mark no more; the operations under way keep their frames."""
        if self._around in AROUND:
            AROUND.remove(self._around)
            self._patches.remove()

    def _around(self, operation: Operation, answer: Awaitable[Any]) -> Awaitable[Any]:
        try:
            if operation.kind is not SpanKind.SERVER or (self._tool is not None and operation.target != self._tool):
                return answer
            mark = self._mark(operation)
            if self._profile_id is not None:
                operation.set(PROFILE_ID, self._profile_id)
            marked: Awaitable[Any] = mark.awaited(mark, answer)
            return marked
        except Exception:
            guarded_error("memory profiler")
            return answer

    def _mark(self, operation: Operation) -> _Mark:
        key = operation.method, operation.target
        begun = self.calls[key] = self.calls.get(key, 0) + 1
        if self._each and len(self._marks) < _MOST_OPERATIONS:
            mark = _Mark(_link(operation))
            self._marks.append(mark)
            return mark
        if begun == 1 or key not in self._shared:
            self._shared[key] = _Mark(Link(*key))
        return self._shared[key]


def _link(operation: Operation) -> Link:
    found = trace.get_current_span(operation.context).get_span_context()
    if not found.is_valid:
        return Link(operation.method, operation.target)
    ids = trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id)
    return Link(operation.method, operation.target, "server", *ids)


def _hooks() -> tuple[Hook, ...]:
    return (
        Hook("anyio.to_thread", "run_sync", _in_thread),
        Hook("asyncio.threads", "to_thread", _in_thread),
        Hook("asyncio.base_events", "BaseEventLoop.create_task", _in_task),
    )


def _in_thread(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for a function that runs another one in a worker thread."""

    async def run(func: Any, *args: Any, **kwargs: Any) -> Any:
        mark = _MARK.get()
        return await original(func if mark is None or not callable(func) else _Call(mark, func), *args, **kwargs)

    return run


def _in_task(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for ``create_task``: a task that a handler starts works for its operation, too."""

    def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
        context = kwargs.get("context")
        mark = _MARK.get() if context is None else context.get(_MARK)
        if mark is not None and asyncio.iscoroutine(coro):
            coro = _Steps(mark, coro)
        return original(self, coro, **kwargs)

    return create_task


class _Call:
    """A function on its way to a worker thread."""

    __slots__ = ("_func", "_mark")

    def __init__(self, mark: _Mark, func: Callable[..., Any]) -> None:
        self._mark = mark
        self._func = func

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._mark.called(self._func, args, kwargs)


class _Steps(Coroutine[Any, Any, Any]):
    """A coroutine, each of whose steps has the frame below it. What is asked of it otherwise, the coroutine answers."""

    __slots__ = ("_coroutine", "_mark")

    def __init__(self, mark: _Mark, coroutine: Any) -> None:
        self._mark = mark
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        return self._mark.sent(self._coroutine, value)

    def throw(self, *args: Any) -> Any:
        return self._coroutine.throw(*args)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        found: Generator[Any, Any, Any] = self._coroutine.__await__()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)
