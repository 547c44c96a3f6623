"""``groundhog profile attach``: a process that runs already, profiled for a while."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

import psutil
from cyclopts import Parameter

from groundhog_otel.cli.profile.options import settings_of
from groundhog_otel.cli.profile.saying import say, say_kept, say_reading
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.live import control, outside
from groundhog_otel.profiling.live.attaching import Attached, require_process
from groundhog_otel.profiling.live.attaching import attach as attach_to
from groundhog_otel.profiling.live.recordings import is_recording, settle
from groundhog_otel.profiling.live.request import Request
from groundhog_otel.report.units import duration as time_of
from groundhog_otel.report.units import size
from groundhog_otel.settings import store_directory
from groundhog_otel.settings.profiling import ProfilingSettings

__all__ = ("attach",)

_POLL_S: Final = 0.2
_ENDED: Final = {
    "time": "",
    "calls": "as many calls as asked for",
    "size": "it is as large as it may become: give it more with --limit",
    "exit": "the process has ended",
    "gone": "the process has died: what it had written until then is kept",
    "stopped": "ended by you",
    "failed": "the profiler has failed: see what the process has logged",
}


def attach(
    pid: int,
    /,
    *,
    kind: Literal["cpu", "memory"] = "cpu",
    duration: str = "30s",
    interval: str = "10ms",
    tool: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    calls: int | None = None,
    over: str | None = None,
    engine: str | None = None,
    limit: int = 256,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
) -> int:
    """Profile a process that runs already, for a while.

    One that was started with OTEL_PYTHON_GROUNDHOG_PROFILE=on-signal profiles itself, each sample with its call. Into
    any other py-spy looks from outside, where it is installed. Ctrl-C ends the profile early and keeps it.

    Parameters
    ----------
    pid
        The process.
    kind
        cpu, or memory.
    duration
        For how long.
    interval
        Between two looks, on average.
    tool
        Only calls of this tool, prompt or method; a pattern like 'search_*'; repeat it for more.
    calls
        Only so many calls.
    over
        Only calls that took longer: 200ms, or budget for that of their class.
    engine
        Of memory: memray, or tracemalloc.
    limit
        Megabytes that it may take.
    dir
        Where to keep what py-spy has seen; by default $GROUNDHOG_DIR, or .groundhog in this folder. Others keep theirs
        where they record.
    """
    memory = kind == "memory"
    settings = settings_of(
        kind, interval=None if memory else interval, tools=tool, calls=calls, over=over, engine=engine,
        duration=duration, limit=limit,
    )  # fmt: skip
    if memory and (calls is not None or over is not None):
        raise ProfileError("--calls and --over are for profiles of cpu: leave them away")
    require_process(pid)
    attached = attach_to(pid, Request.of(settings, kind))
    progress = _Progress(settings.duration_s or 0.0)
    if attached is not None:
        file = _watched(attached, progress)
    elif (child := _listening_below(pid)) is not None:
        raise ProfileError(f"process {pid} only started process {child}, which can be profiled: attach to {child}")
    elif memory:
        raise ProfileError(
            f"process {pid} was not prepared for profiles of memory: start it with "
            "OTEL_PYTHON_GROUNDHOG_PROFILE=on-signal, or with groundhog profile memory --"
        )
    else:
        file = _from_outside(pid, settings, (dir or Path(store_directory())).absolute(), progress)
    say_kept(file)
    return 0


def _watched(attached: Attached, progress: _Progress) -> Path:
    """Wait until a profile is over; Ctrl-C ends it."""
    begun_s = time.monotonic()
    try:
        try:
            while (why := attached.over()) is None:
                progress(time.monotonic() - begun_s, attached.size_bytes)
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            why = attached.stop()
    finally:
        progress.close()
    attached.close()
    if _ENDED.get(why, why):
        say(_ENDED.get(why, why))
    return settle(attached.file, on_read=say_reading) if is_recording(attached.file) else attached.file


def _listening_below(pid: int) -> int | None:
    """Return the process that a wrapper (``groundhog run``, ``uv run``) has started, if that was prepared."""
    with suppress(psutil.Error):
        for one in psutil.Process(pid).children(recursive=True):
            if control.listening(one.pid) is not None:
                return int(one.pid)
    return None


def _from_outside(pid: int, settings: ProfilingSettings, store: Path, progress: _Progress) -> Path:
    if settings.tools or settings.calls is not None or settings.over is not None:
        raise ProfileError(
            f"process {pid} was not prepared, so whose call a sample is for is not known: leave --tool, --calls and "
            "--over away, or start it with OTEL_PYTHON_GROUNDHOG_PROFILE=on-signal"
        )
    if outside.py_spy() is None:
        raise ProfileError(
            f"process {pid} was not prepared for profiles: pip install py-spy to look in from outside, or start it "
            "with OTEL_PYTHON_GROUNDHOG_PROFILE=on-signal"
        )
    say(f"process {pid} was not prepared for profiles: py-spy looks from outside, and calls are not told apart")
    try:
        return outside.record(
            pid, store=store, duration_s=settings.duration_s or 0.0, interval_s=settings.interval_ms / 1000,
            on_progress=progress,
        )  # fmt: skip
    finally:
        progress.close()


class _Progress:
    """A line on a terminal: how far it is, how large. Elsewhere nothing."""

    def __init__(self, of_s: float) -> None:
        self._of_s = of_s
        self._shows = sys.stderr.isatty()
        self._width = 0

    def __call__(self, elapsed_s: float, size_bytes: int) -> None:
        if self._shows:
            large = f", {size(size_bytes)}" if size_bytes else ""
            line = f"profiling: {time_of(elapsed_s)} of {time_of(self._of_s)}{large}; Ctrl-C ends it and keeps it"
            self._draw(line)

    def close(self) -> None:
        """Leave the line empty."""
        if self._shows and self._width:
            self._draw("")
            print("\r", end="", file=sys.stderr, flush=True)
            self._width = 0

    def _draw(self, line: str) -> None:
        print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
        self._width = len(line)
