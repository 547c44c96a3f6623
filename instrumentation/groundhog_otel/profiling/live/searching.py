"""The search for leaks, or a look at the heap, in this very process, and a file with what comes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import ON_BEGIN
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.settings import ProfilingSettings
from groundhog_otel.store.layout import finding_file

if TYPE_CHECKING:
    from groundhog_otel.profiling.memory.heap.report import HeapReport
    from groundhog_otel.profiling.memory.leaks.report import LeakReport

__all__ = ("SEARCHES", "Search", "search")

Search = Callable[[], None]
"""Ends it: what was found by then is in the file."""
SEARCHES: Final = ("leaks", "heap")
_PARTS: Final = 11
"""Of the calls of a search for leaks, two are its warm-up and nine its windows."""
_MOST: Final = 10
_CALLS: Final = "tools/call"


def search(kind: Literal["leaks", "heap"], settings: ProfilingSettings, run: Path, service: str) -> Search:
    """Begin, and return what ends it.

    Raises:
        ProfileError: it cannot be done so. The message says why.
    """
    file = finding_file(run, service=service, pid=os.getpid(), kind=kind)
    if len(settings.tools) > 1:
        raise ProfileError("leaks are looked for in the calls of one tool, or of all: name one")
    return _leaks(settings, file) if kind == "leaks" else _heap(settings, file)


def _leaks(settings: ProfilingSettings, file: Path) -> Search:
    from groundhog_otel.profiling.memory import MemoryProfiler  # noqa: PLC0415 - the engine, only where it is used

    counts = {}
    if settings.calls is not None:
        window = max(1, settings.calls // _PARTS)
        counts = {"warm_up_calls": max(0, settings.calls - 9 * window), "window_calls": window}
    watch = MemoryProfiler().detect_leaks(
        tool=next(iter(settings.tools), None), on_report=lambda found: _put(file, leaks_told(found)), **counts
    )
    return lambda: None if watch.report is not None else (watch.stop(), None)[1]


def _heap(settings: ProfilingSettings, file: Path) -> Search:
    left = settings.calls
    done = False

    def look() -> None:
        from groundhog_otel.profiling.memory import MemoryProfiler  # noqa: PLC0415 - as above

        nonlocal done
        if begun in ON_BEGIN:
            ON_BEGIN.remove(begun)
        if not done:
            done = True
            _put(file, heap_told(MemoryProfiler().analyze_heap(most=_MOST)))

    def begun(operation: Operation) -> None:
        nonlocal left
        try:
            if left is not None and operation.method == _CALLS:
                left -= 1
                if left < 0:  # this one has done nothing yet
                    look()
        except Exception:
            guarded_error("heap")

    ON_BEGIN.append(begun)
    return look


def leaks_told(found: LeakReport) -> dict[str, Any]:
    """Return what is kept of a search for leaks."""
    return {
        "kind": "leaks", "verdict": found.verdict, "reason": found.reason, "calls": found.calls,
        "bytes_per_call": found.bytes_per_call, "hours_to_limit": found.hours_to_limit,
        "limit_bytes": found.limit_bytes, "longest_pause_s": found.longest_pause_s,
        "lines": [
            {
                "function": one.stack[-1].function, "file": one.stack[-1].file, "line": one.stack[-1].line,
                "tool": one.tool, "bytes_per_call": one.growth.per_call,
                "held_by": None if one.chain is None else str(one.chain),
            }
            for one in found.lines[:_MOST] if one.stack
        ],
        "types": [{"type": one.name, "bytes_per_call": one.growth.per_call} for one in found.types[:_MOST]],
    }  # fmt: skip


def heap_told(found: HeapReport) -> dict[str, Any]:
    """Return what is kept of a look at the heap."""
    return {
        "kind": "heap", "objects": found.objects, "size_bytes": found.size_bytes,
        "resident_bytes": found.resident_bytes, "left_out": found.left_out, "took_s": found.took_s,
        "types": [{"type": one.name, "objects": one.objects, "size_bytes": one.size_bytes} for one in found.types],
        "modules": [{"module": one.name, "held_bytes": one.held_bytes} for one in found.modules],
        "holders": [
            {
                "name": one.name, "type": one.type, "entries": one.entries, "bound": one.bound,
                "frees_bytes": one.frees_bytes, "frees_half_bytes": one.frees_half_bytes,
            }
            for one in found.holders
        ],
    }  # fmt: skip


def _put(file: Path, told: dict[str, Any]) -> None:
    draft = file.with_name(f"{file.name}.tmp")
    draft.write_text(json.dumps(told, indent=1), encoding="utf-8")
    draft.replace(file)
