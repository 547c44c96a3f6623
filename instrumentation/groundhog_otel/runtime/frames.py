"""What a thread is doing right now: where in the code, and on behalf of which operation.

Code locations only. A frame's variables are looked at in our own wrappers and nowhere else.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Collection, Sequence
from contextvars import Context as TaskContext
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

import groundhog_otel.mcp
from groundhog_otel.mcp.operation import Operation

__all__ = ("PLUMBING", "Location", "callback_frames", "context_of", "culprit", "depth_of", "location", "operation_of")

_WRAPPERS: Final = str(Path(groundhog_otel.mcp.__file__).parent)
PLUMBING: Final = frozenset(sys.stdlib_module_names) | {
    "anyio", "fastmcp", "groundhog_otel", "mcp", "opentelemetry", "starlette", "uvicorn", "uvloop", "wrapt",
}  # fmt: skip
"""Packages that run what somebody else wrote."""


class Location(NamedTuple):
    """A line of code."""

    function: str
    path: str
    line: int

    def attributes(self) -> dict[str, AttributeValue]:
        """Return it in the names of the semantic conventions (``code.*``, stable)."""
        return {"code.function.name": self.function, "code.file.path": self.path, "code.line.number": self.line}


def depth_of(frame: FrameType | None) -> int:
    """Return how many frames there are from this one to the thread's first, both counted."""
    depth = 0
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def callback_frames(thread: int, depth: int) -> list[FrameType]:
    """Return the frames of the callback that an event loop runs in ``thread``, innermost first.

    ``depth`` is that of a callback's first frame; what lies below it is the loop's and its starter's. A loop that runs
    no callback but waits has none, and neither has one whose depth is not known (0).
    """
    frames = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[: max(0, len(frames) - depth + 1)] if depth else []


def location(frames: Sequence[FrameType]) -> Location | None:
    """Return where the program's own code is: the innermost line that belongs to no installed package.

    Where all of it is installed, the innermost line outside of the standard library and what runs tools; else any.
    """
    foreign = [frame for frame in frames if _package(frame) not in PLUMBING]
    own = [frame for frame in foreign if "-packages" not in frame.f_code.co_filename]
    for frame in (*own[:1], *foreign[:1], *frames[:1]):
        code = frame.f_code
        name = f"{frame.f_globals.get('__name__', '')}.{getattr(code, 'co_qualname', code.co_name)}"
        return Location(name, code.co_filename, frame.f_lineno or code.co_firstlineno)
    return None


def culprit(
    frames: Sequence[FrameType], loop: asyncio.AbstractEventLoop, operations: Collection[Operation]
) -> Operation | None:
    """Return the operation on whose behalf the callback runs, if it is one of ``operations``."""
    for frame in frames:
        if frame.f_code.co_filename.startswith(_WRAPPERS):
            operation = frame.f_locals.get("operation")
            if isinstance(operation, Operation) and operation in operations:
                return operation
    task = asyncio.current_task(loop)
    return None if task is None else operation_of(context_of(task), operations)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def context_of(task: asyncio.Task[Any]) -> TaskContext | None:
    """Return the context that a task runs in."""
    if sys.version_info >= (3, 12):
        return task.get_context()
    # Before 3.12 only the garbage collector tells; a task names its own context before those of its callbacks.
    return next((one for one in gc.get_referents(task) if isinstance(one, TaskContext)), None)


def operation_of(context: TaskContext | None, operations: Collection[Operation]) -> Operation | None:
    """Return the operation in which a child task was started, by the span that it has inherited."""
    if context is None:
        return None
    current = next((value for value in context.values() if isinstance(value, Context)), None)
    span: Any = trace.get_current_span(current)
    by_id = {_ids(one)[1]: one for one in operations if one.context is not None}
    for span_id in (span.get_span_context().span_id, getattr(getattr(span, "parent", None), "span_id", None)):
        if span_id in by_id:
            return by_id[span_id]
    trace_id = span.get_span_context().trace_id
    far = [one for one in by_id.values() if one.kind is trace.SpanKind.SERVER and _ids(one)[0] == trace_id]
    # Nobody is accused on a guess: of several operations in one trace it could be any.
    return far[0] if len(far) == 1 else None


def _ids(operation: Operation) -> tuple[int, int]:
    found = trace.get_current_span(operation.context).get_span_context()
    return found.trace_id, found.span_id
