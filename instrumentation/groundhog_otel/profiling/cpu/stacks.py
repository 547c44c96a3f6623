"""From an interpreter's frames to the model's: of a thread, and of a coroutine that is suspended.

Nothing of a frame is held on to: what a function has in its variables must go when the function ends.
"""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Mapping
from contextvars import Context
from functools import partial
from pathlib import Path
from threading import Thread
from types import AsyncGeneratorType, BuiltinMethodType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any, Final, NamedTuple

import groundhog_otel.mcp
from groundhog_otel.profiling.model import Frame, Stack

__all__ = ("Codes", "Walk", "local")

_DEEPEST: Final = 400
_MOST_CODES: Final = 50_000
"""Programs that compile code as they run could fill the memory otherwise."""

_CARRIERS: Final[Mapping[tuple[str, str], str]] = {
    ("anyio._backends._asyncio", "run"): "context",
    ("concurrent.futures.thread", "run"): "self",
    ("threading", "run"): "self",
    ("asyncio.events", "_run"): "self",
}
"""Functions that run another in a context, and the variable by which that context is found."""
_COLLECTING: Final = ("groundhog_otel.runtime.garbage", "_called")
"""The collector calls it, and while it works nobody else comes to look: that is where its time is met."""
_GARBAGE: Final = Frame("(garbage collection)", "gc", 0, "gc")
_WRAPPERS: Final = str(Path(groundhog_otel.mcp.__file__).parent)
_WAITING_ROOMS: Final = frozenset({
    "asyncio.base_events", "asyncio.runners", "asyncio.unix_events", "concurrent.futures.thread",
    "multiprocessing.connection", "queue", "select", "selectors", "socket", "ssl", "subprocess", "threading", "uvloop",
})  # fmt: skip
"""Modules whose innermost lines wait, as a rule: threads that stand there may have used the CPU, but not there."""


class _Code:
    """What is known of one code object."""

    __slots__ = ("carrier", "code", "coroutine", "file", "function", "lines", "module", "waits", "wrapper")

    def __init__(self, frame: FrameType) -> None:
        code = frame.f_code
        self.code = code  # held, so that its id stays its own
        module = frame.f_globals.get("__name__", "")
        self.module = module if isinstance(module, str) else ""
        self.function: str = getattr(code, "co_qualname", code.co_name)
        self.file = code.co_filename
        self.lines: dict[int, Frame] = {}
        self.carrier = _CARRIERS.get((self.module, code.co_name))
        self.coroutine = bool(code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR))
        self.waits = self.module in _WAITING_ROOMS
        self.wrapper = self.file.startswith(_WRAPPERS) and "operation" in code.co_varnames


class Walk(NamedTuple):
    """One thread's stack, as it was walked. It holds frames: drop it soon."""

    stack: Stack
    """Outermost first."""
    frames: list[FrameType]
    """Innermost first."""
    codes: list[_Code]
    """Of ``frames``, one each."""

    @property
    def waits(self) -> bool:
        """Whether it stands where threads wait, rather than use the CPU."""
        return self.codes[0].waits

    def context(self) -> Context | None:
        """Return the context that the innermost function which was started in one runs in, if that can be found."""
        for frame, code in zip(self.frames, self.codes, strict=True):
            if code.carrier is not None:
                found = _context_in(local(frame, code.carrier))
                if found is not None:
                    return found
        return None

    def wrapped(self) -> list[Any]:
        """Return what our wrappers on this stack call their operation, innermost first."""
        pairs = zip(self.frames, self.codes, strict=True)
        return [local(frame, "operation") for frame, code in pairs if code.wrapper]

    def innermost_coroutine(self) -> Frame | None:
        """Return the line of the innermost ``async def`` that is being executed."""
        for place, code in enumerate(self.codes):
            if code.coroutine:
                return self.stack[-1 - place]
        return None


class Codes:
    """Frames of the model, each made once."""

    def __init__(self) -> None:
        self._known: dict[int, _Code] = {}

    def walk(self, innermost: FrameType) -> Walk:
        """Return the stack that ends with a frame."""
        frames: list[FrameType] = []
        codes: list[_Code] = []
        lines: list[Frame] = []
        known = self._known
        frame: FrameType | None = innermost
        while frame is not None and len(frames) < _DEEPEST:
            frames.append(frame)
            # What is known already, which is nearly all, without a call.
            code = known.get(id(frame.f_code))
            line = None if code is None else code.lines.get(frame.f_lasti)
            if code is None or line is None:
                code, line = self._frame(frame)
            codes.append(code)
            lines.append(line)
            frame = frame.f_back
        lines.reverse()
        return Walk(tuple(lines), frames, codes)

    def suspended(self, awaitable: Any) -> Stack:
        """Return where a coroutine is suspended, and where those are that it awaits."""
        lines: list[Frame] = []
        while awaitable is not None and len(lines) < _DEEPEST:
            frame, further = _inner(awaitable)
            if frame is not None:
                lines.append(self._frame(frame)[1])
            awaitable = further
        return tuple(lines)

    def _frame(self, frame: FrameType) -> tuple[_Code, Frame]:
        code: CodeType = frame.f_code
        known = self._known.get(id(code))
        if known is None:
            if len(self._known) >= _MOST_CODES:
                self._known.clear()
            known = self._known[id(code)] = _Code(frame)
        place = frame.f_lasti
        line = known.lines.get(place)
        if line is None:
            line = known.lines[place] = (
                _GARBAGE
                if (known.module, code.co_name) == _COLLECTING
                else Frame(known.function, known.file, frame.f_lineno or code.co_firstlineno, known.module)
            )
        return known, line


def local(frame: FrameType, name: str) -> Any:
    """Return a variable of a frame, and leave nothing behind."""
    variables = frame.f_locals
    found = variables.get(name)
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED and frame.f_trace is None:
        # Until 3.12 a function's are a copy that the frame keeps, and with it all that the function had in its hands.
        variables.clear()
    return found


def _context_in(value: Any) -> Context | None:
    """Return the context that a callable would run in. Only types that cannot run anybody's code are looked into."""
    kind = type(value)
    if kind is BuiltinMethodType:
        value = value.__self__
    elif kind is partial:
        return next((found for one in (value.func, *value.args) if (found := _context_in(one)) is not None), None)
    elif isinstance(value, Thread):
        return _context_in(value.__dict__.get("_target"))
    elif kind.__module__ == "concurrent.futures.thread":
        # Until 3.13 the item has the function itself, from 3.14 the first of three parts of a task.
        fn = getattr(value, "fn", None)
        return _context_in(fn if fn is not None else (getattr(value, "task", None) or (None,))[0])
    elif kind.__module__ == "asyncio.events":
        value = getattr(value, "_context", None)
    return value if type(value) is Context else None


def _inner(awaitable: Any) -> tuple[FrameType | None, Any]:
    """Return the frame of something that is awaited, and what it awaits in turn."""
    kind = type(awaitable)
    if kind is CoroutineType:
        return awaitable.cr_frame, awaitable.cr_await
    if kind is GeneratorType:
        return awaitable.gi_frame, awaitable.gi_yieldfrom
    if kind is AsyncGeneratorType:
        return awaitable.ag_frame, awaitable.ag_await
    if kind.__name__ in ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"):
        inside = (one for one in gc.get_referents(awaitable) if inspect.isasyncgen(one) or inspect.iscoroutine(one))
        return None, next(inside, None)
    return None, None
