"""One profile of this very process, written while it is taken, and its bounds in time and size."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.live.request import Request
from groundhog_otel.profiling.model import Sample, new_profile_id
from groundhog_otel.settings import ENV_GROUNDHOG_DIR, run_id, store_directory
from groundhog_otel.store.layout import own_run_id, prepare, profile_file, recording_file

if TYPE_CHECKING:
    from groundhog_otel.profiling.files import ProfileWriter

__all__ = ("Taking", "own_run", "own_service", "preload", "take")

_WATCHER: Final = "groundhog-profile"
_LOOK_S: Final = 1.0
_CHECKPOINT_S: Final = 10.0
"""tracemalloc's snapshots stop the process for a moment, so there are few."""


class Taking(ABC):
    """One profile, from its start until it is over.

    ``on_over`` is told why, once, when the file is closed: ``stopped``, ``time``, ``size``, ``calls``, or ``exit``.
    """

    file: Path

    def __init__(self, request: Request, run: Path, service: str) -> None:
        self.request = request
        self.profile_id = new_profile_id()
        self.why: str | None = None
        """Why it is over; None while it is not."""
        self.on_over: Callable[[str], None] = lambda _: None
        self._lock = Lock()
        self._ended = Event()
        self._deadline_s = None if request.duration_s is None else time.monotonic() + request.duration_s
        self._begin(run, service)
        self._watcher = Thread(target=self._watch, name=_WATCHER, daemon=True)
        self._watcher.start()

    @property
    def size_bytes(self) -> int:
        """How large the file is by now."""
        try:
            return self.file.stat().st_size
        except OSError:
            return 0

    def stop(self, why: str = "stopped") -> None:
        """End it and close its file; once it is over this does nothing."""
        with self._lock:
            if self.why is not None:
                return
            self.why = why
            try:
                self._end()
            except Exception:
                guarded_error("profile")
        self._ended.set()
        if self._watcher is not current_thread() and self._watcher.is_alive():
            self._watcher.join(_LOOK_S)
        self.on_over(why)

    def _watch(self) -> None:
        while not self._ended.wait(self._pause_s()):
            try:
                why = self._over()
            except Exception:
                guarded_error("profile")
                why = "failed"
            if why is not None:
                self.stop(why)

    def _pause_s(self) -> float:
        left_s = _LOOK_S if self._deadline_s is None else self._deadline_s - time.monotonic()
        return max(0.0, min(_LOOK_S, left_s))

    def _over(self) -> str | None:
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            return "time"
        return "size" if self.size_bytes >= self.request.limit_bytes else self._done()

    @abstractmethod
    def _begin(self, run: Path, service: str) -> None: ...

    @abstractmethod
    def _done(self) -> str | None:
        """Once a second: keep the file up to date, and tell why the profile is over, if it is."""

    @abstractmethod
    def _end(self) -> None: ...


class _Cpu(Taking):
    """By the sampler, into groundhog's own file."""

    def _begin(self, run: Path, service: str) -> None:
        from groundhog_otel.profiling.cpu import CpuProfiler  # noqa: PLC0415 - the engine, only where it is used
        from groundhog_otel.profiling.cpu.session import ENGINE  # noqa: PLC0415
        from groundhog_otel.profiling.cpu.tally import VALUE_TYPES  # noqa: PLC0415

        request = self.request
        over_s: Any = request.over
        wanted: dict[str, Any] = {"tools": request.tools, "calls": request.calls, "over_s": over_s}
        if request.light:
            profiler = CpuProfiler.light(**wanted, sink=self._take, service=service)
        else:
            profiler = CpuProfiler(interval_s=request.interval_s, **wanted, sink=self._take, service=service)
        self.file = profile_file(run, service=service, pid=os.getpid(), kind="cpu", profile_id=self.profile_id)
        self._writer: ProfileWriter = _writer(
            self, service, value_types=VALUE_TYPES, engine=ENGINE, interval_ns=int(profiler.interval_s * 1e9)
        )
        try:
            self._session = profiler.start_profiling(profile_id=self.profile_id)
        except RuntimeError:
            self._writer.close()
            self.file.unlink()
            raise

    def _take(self, sample: Sample) -> None:
        if sample.thread != _WATCHER:
            self._writer.add(sample)

    def _done(self) -> str | None:
        self._writer.flush()
        if self._writer.full:
            return "size"
        return "calls" if self._session.over.is_set() else None

    def _end(self) -> None:
        profile = self._session.stop()
        self._writer.close(profile.facts, end_ns=profile.end_ns)


class _Memray(Taking):
    """By memray, into its own file. What comes of it is read by another process: see :mod:`.recordings`."""

    def _begin(self, run: Path, service: str) -> None:
        from groundhog_otel.profiling.memory import MemoryProfiler  # noqa: PLC0415 - as above
        from groundhog_otel.profiling.memory.session import MemraySession  # noqa: PLC0415

        self.file = recording_file(run, service=service, pid=os.getpid(), profile_id=self.profile_id)
        profiler = MemoryProfiler(engine="memray", file=self.file, service=service)
        session = profiler.track_allocations(
            tool=next(iter(self.request.tools), None), limit_bytes=self.request.limit_bytes, profile_id=self.profile_id
        )
        assert isinstance(session, MemraySession)  # noqa: S101 - by the engine
        self._session = session

    def _done(self) -> str | None:
        return "size" if self._session.full else None

    def _end(self) -> None:
        self._session.leave()


class _Tracemalloc(Taking):
    """By the standard library, into groundhog's own file."""

    def _begin(self, run: Path, service: str) -> None:
        from groundhog_otel.profiling.memory import MemoryProfiler  # noqa: PLC0415 - as above
        from groundhog_otel.profiling.memory.session import IN_USE  # noqa: PLC0415

        self.file = profile_file(run, service=service, pid=os.getpid(), kind="memory", profile_id=self.profile_id)
        self._writer: ProfileWriter = _writer(self, service, value_types=IN_USE, engine="tracemalloc")
        profiler = MemoryProfiler(engine="tracemalloc", service=service, sink=self._writer.add)
        self._session = profiler.track_allocations(
            tool=next(iter(self.request.tools), None), profile_id=self.profile_id
        )
        self._next_s = time.monotonic() + _CHECKPOINT_S

    def _done(self) -> str | None:
        if time.monotonic() >= self._next_s:
            self._session.checkpoint()
            self._writer.flush()
            self._next_s = time.monotonic() + _CHECKPOINT_S
        return None

    def _end(self) -> None:
        profile = self._session.stop()
        self._writer.close(profile.facts, end_ns=profile.end_ns)


def take(request: Request) -> Taking:
    """Begin to profile this process.

    Raises:
        ProfileError: it cannot be profiled so. The message says why.
    """
    try:
        return _kind(request)(request, own_run(), own_service())
    except OSError as error:
        raise ProfileError(f"cannot write a profile ({error})") from None
    except (ImportError, RuntimeError, ValueError) as error:
        raise ProfileError(str(error)) from None


def own_run() -> Path:
    """Return the folder of what this process records.

    Raises:
        ProfileError: it cannot be made.
    """
    store = Path(store_directory()).absolute()
    try:
        return prepare(store, run_id() or own_run_id())
    except OSError as error:
        raise ProfileError(
            f"cannot write a profile to {store} ({error.strerror}): set {ENV_GROUNDHOG_DIR} to a folder that can be "
            "written to"
        ) from None


def preload(engine: str | None) -> None:
    """Load what a profile of memory needs, while the program starts and nobody waits."""
    from groundhog_otel.profiling.files import ProfileWriter  # noqa: F401, PLC0415 - as above
    from groundhog_otel.profiling.memory.profiler import MemoryProfiler  # noqa: F401, PLC0415

    if engine != "tracemalloc":
        with suppress(ImportError):
            import memray  # noqa: F401, PLC0415


def _kind(request: Request) -> type[Taking]:
    if request.kind == "cpu":
        return _Cpu
    from groundhog_otel.profiling.memory import MemoryProfiler  # noqa: PLC0415 - as above

    if len(request.tools) > 1:
        raise ProfileError("memory is told apart for one tool, or for all: name one")
    engine: Any = request.engine
    return _Memray if MemoryProfiler(engine=engine).engine == "memray" else _Tracemalloc


def _writer(taking: Taking, service: str, **more: Any) -> ProfileWriter:
    from groundhog_otel.profiling.files import ProfileWriter  # noqa: PLC0415 - as above

    return ProfileWriter(
        taking.file, profile_id=taking.profile_id, kind=taking.request.kind, service=service, pid=os.getpid(),
        limit_bytes=taking.request.limit_bytes, **more,
    )  # fmt: skip


def own_service() -> str:
    """Return what this process is called in its spans."""
    resource = getattr(trace.get_tracer_provider(), "resource", None)
    attributes = getattr(resource, "attributes", None) or {}
    return str(attributes.get("service.name") or "")
