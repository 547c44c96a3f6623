"""The memory profiler: what each call allocates, what leaks, and what the heap consists of.

Everything is loaded when it is asked for: to import this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from groundhog_otel.profiling.memory.calls import CallMemory, ToolMemory, by_call, by_tool
    from groundhog_otel.profiling.memory.heap.report import HeapReport
    from groundhog_otel.profiling.memory.leaks.report import LeakReport
    from groundhog_otel.profiling.memory.leaks.watch import LeakWatch
    from groundhog_otel.profiling.memory.profiler import MemoryProfiler
    from groundhog_otel.profiling.memory.recordings import Recording, read_recording
    from groundhog_otel.profiling.memory.session import AllocationSession

__all__ = (
    "AllocationSession", "CallMemory", "HeapReport", "LeakReport", "LeakWatch", "MemoryProfiler", "Recording",
    "ToolMemory", "by_call", "by_tool", "read_recording",
)  # fmt: skip

_HOMES: Final = {
    "AllocationSession": "session",
    "CallMemory": "calls",
    "HeapReport": "heap.report",
    "LeakReport": "leaks.report",
    "LeakWatch": "leaks.watch",
    "MemoryProfiler": "profiler",
    "Recording": "recordings",
    "ToolMemory": "calls",
    "by_call": "calls",
    "by_tool": "calls",
    "read_recording": "recordings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
