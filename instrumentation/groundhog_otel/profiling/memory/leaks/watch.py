"""Counts the calls of a server, and measures its memory at the end of each window of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from opentelemetry.trace import SpanKind

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import ON_BEGIN
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.profiling.memory.leaks.history import History
from groundhog_otel.profiling.memory.leaks.report import LeakReport
from groundhog_otel.profiling.memory.leaks.verdict import judged
from groundhog_otel.profiling.memory.marks import Marks
from groundhog_otel.profiling.memory.traces import Tracing

__all__ = ("LeakWatch",)

_CALLS = "tools/call"


_T = TypeVar("_T")
_P = ParamSpec("_P")


def _apart(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call it in a thread of its own, whose stack is short: what it allocates is traced as well, frame by frame."""
    with ThreadPoolExecutor(1, "groundhog-leaks") as apart:
        try:
            done = apart.submit(function, *args, **kwargs)
        except RuntimeError:  # the interpreter is about to end, and starts no thread any more
            return function(*args, **kwargs)
        return done.result()


class LeakWatch:
    """A search for a leak in a running server; made and started by ``MemoryProfiler.detect_leaks``.

    It measures when a call begins and the window before it is full, in that call's thread: for that long the server
    stands still. After the last window it stops by itself.
    """

    def __init__(
        self,
        *,
        tool: str | None,
        warm_up_calls: int,
        window_calls: int,
        windows: int,
        frames: int,
        least_bytes_per_call: float,
        limit_bytes: int,
        on_report: Callable[[LeakReport], None] | None,
    ) -> None:
        self.report: LeakReport | None = None
        """What was found; None while it goes on."""
        self._tool = tool
        self._warm_up = warm_up_calls
        self._window = window_calls
        self._windows = windows
        self._least = least_bytes_per_call
        self._limit_bytes = limit_bytes
        self._on_report = on_report
        self._calls = 0
        self._history = History()
        self._tracing = Tracing(frames)
        # With a single frame there is none of ours among them.
        self._marks = Marks(each=False, tool=tool) if self._tracing.frames > 1 else None
        if self._marks is not None:
            self._marks.start()
        ON_BEGIN.append(self._begun)

    @property
    def progress(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(1.0, self._calls / (self._warm_up + self._windows * self._window))

    def stop(self) -> LeakReport:
        """Stop, and return what was found so far; the same report when asked again."""
        if self.report is None:
            if self._history.windows < self._windows and self._calls > self._warm_up:
                last = self._history.calls[-1] if self._history.calls else 0
                if self._calls - last >= self._window:
                    _apart(self._history.measure, self._calls)
            return self._end()
        return self.report

    def _begun(self, operation: Operation) -> None:
        try:
            if operation.kind is not SpanKind.SERVER or operation.method != _CALLS:
                return
            if self._tool is not None and operation.target != self._tool:
                return
            # Those before this one: it has done nothing yet.
            over = self._calls - self._warm_up
            if over >= 0 and over % self._window == 0:
                _apart(self._history.measure, self._calls)
                if self._history.windows >= self._windows:
                    self._end()
                    return
            self._calls += 1
        except Exception:
            guarded_error("leak watch")

    def _end(self) -> LeakReport:
        if self._begun in ON_BEGIN:
            ON_BEGIN.remove(self._begun)
        if self._marks is not None:
            self._marks.stop()
        self.report = _apart(judged, self._history, least_bytes_per_call=self._least, limit_bytes=self._limit_bytes)
        self._tracing.stop()
        if self._on_report is not None:
            self._on_report(self.report)
        return self.report
