"""Memory tracked from a start to a stop, by one engine or the other."""

from __future__ import annotations

import os
import sys
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.memory.calls import ToolMemory, by_call, by_tool
from groundhog_otel.profiling.memory.marks import Marks
from groundhog_otel.profiling.memory.recordings import Recording, read_recording
from groundhog_otel.profiling.memory.traces import Place, Tracing, difference, in_use, stack_of
from groundhog_otel.profiling.model import Link, Profile, Sample, ValueType, new_profile_id

if TYPE_CHECKING:
    import memray

__all__ = ("IN_USE", "LIMIT_BYTES", "AllocationSession", "MemraySession", "TracemallocSession")

IN_USE: Final = (ValueType("inuse_objects", "count"), ValueType("inuse_space", "bytes"))
"""What tracemalloc counts."""
LIMIT_BYTES: Final = 256_000_000
"""Of what memray writes: some 15,000 calls of a small tool, which take a minute to read."""
_LOOK_S: Final = 0.1


_Session = TypeVar("_Session", bound="AllocationSession")


class AllocationSession(ABC):
    """Allocations, tracked until :meth:`stop`. Made and started by ``MemoryProfiler.track_allocations``."""

    def __init__(
        self, *, service: str, tool: str | None, sink: Callable[[Sample], None] | None, profile_id: str | None
    ) -> None:
        self.profile_id = profile_id or new_profile_id()
        """What the spans of the operations that it covers carry as ``groundhog.profile.id``."""
        self._service = service
        self._sink = sink
        self._marks = Marks(profile_id=self.profile_id, tool=tool)
        self._start_ns = time_ns()
        self._profile: Profile | None = None
        self._peaks: dict[Link, int] | None = None

    def stop(self) -> Profile:
        """Stop, and return what was allocated; the same profile when asked again."""
        if self._profile is None:
            self._marks.stop()
            self._profile = self._finish()
        return self._profile

    def checkpoint(self) -> None:  # noqa: B027 - memray writes to its own file all the time
        """Hand what has changed since the last time to the sink, so that a process that is killed leaves it behind.

        Values may be below zero: what a stack has freed again. Their sum over all samples of a stack is what it holds.
        """

    def tools(self) -> tuple[ToolMemory, ...]:
        """Stop, and return what each tool and each of its calls has allocated, those with most first."""
        return by_tool(by_call(self.stop(), peaks=self._peaks), begun=self._marks.calls)

    @abstractmethod
    def _finish(self) -> Profile: ...

    def __enter__(self: _Session) -> _Session:  # noqa: PYI019 - Self is of Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


class TracemallocSession(AllocationSession):
    """By the standard library: what is in use, with as many frames as asked for."""

    def __init__(
        self,
        *,
        frames: int,
        service: str,
        tool: str | None,
        sink: Callable[[Sample], None] | None,
        profile_id: str | None,
    ) -> None:
        super().__init__(service=service, tool=tool, sink=sink, profile_id=profile_id)
        self._tracing = Tracing(frames)
        self._before: dict[Place, tuple[int, int]] = {} if self._tracing.ours else in_use()
        self._told = self._before
        self._telling = Lock()
        self._marks.start()

    def checkpoint(self) -> None:
        """Hand what has changed since the last time to the sink."""
        if self._sink is not None:
            with self._telling:  # one that is under way when the session ends would be told a second time
                now = in_use()
                for sample in _samples(difference(now, self._told)):
                    self._sink(sample)
                self._told = now

    def _finish(self) -> Profile:
        self.checkpoint()
        now = in_use() if self._sink is None else self._told
        frames, (_, peak_bytes) = self._tracing.frames, tracemalloc.get_traced_memory()
        self._tracing.stop()
        return Profile(
            profile_id=self.profile_id,
            kind="memory",
            start_ns=self._start_ns,
            end_ns=time_ns(),
            value_types=IN_USE,
            samples=tuple(_samples(difference(now, self._before))),
            service=self._service,
            pid=os.getpid(),
            engine=f"tracemalloc {sys.version_info.major}.{sys.version_info.minor}",
            facts={"frames of each stack, at most": frames, "peak bytes": peak_bytes},
        )


class MemraySession(AllocationSession):
    """By memray: every allocation with its whole stack, in a file of memray's own that is kept."""

    def __init__(
        self,
        *,
        file: Path,
        limit_bytes: int,
        every: bool,
        native: bool,
        service: str,
        tool: str | None,
        sink: Callable[[Sample], None] | None,
        profile_id: str | None,
    ) -> None:
        import memray  # noqa: PLC0415 - of the extra, and only for those who ask for it

        super().__init__(service=service, tool=tool, sink=sink, profile_id=profile_id)
        self.file = file
        """memray's own file: ``python -m memray flamegraph`` and its like read it, also while it grows."""
        form = memray.FileFormat.ALL_ALLOCATIONS if every else memray.FileFormat.AGGREGATED_ALLOCATIONS
        self._tracker: memray.Tracker = memray.Tracker(
            file, native_traces=native, trace_python_allocators=True, file_format=form
        )
        try:
            _entered(self._tracker)
        except RuntimeError as error:
            raise ProfileError(
                f"memray cannot start ({error}): there can be one in a process; stop the other"
            ) from None
        self.full = False
        """Whether it has ended because its file was as large as it may become."""
        self._limit_bytes = limit_bytes
        self._tracking = Lock()
        """Taken by whoever ends it."""
        self._left = Event()
        self._marks.start()
        Thread(target=self._watch, name="groundhog-memray-limit", daemon=True).start()

    @property
    def size_bytes(self) -> int:
        """How large the file is by now: some 20 KB for each call of a small tool, where every allocation is kept."""
        return self.file.stat().st_size

    def leave(self) -> None:
        """Stop, and leave the file to another process: to read it takes time and memory that a server may not have."""
        if self._tracking.acquire(blocking=False):
            self._marks.stop()
            self._tracker.__exit__(None, None, None)
            self._left.set()
        self._left.wait()

    def _watch(self) -> None:
        try:
            while not self._left.wait(_LOOK_S):
                if self.size_bytes >= self._limit_bytes:
                    self.full = True
                    self.leave()
        except Exception:
            guarded_error("memray")

    def _finish(self) -> Profile:
        self.leave()
        found: Recording = read_recording(self.file, profile_id=self.profile_id, service=self._service)
        self._peaks = found.peaks or None
        if self._sink is not None:
            for sample in found.profile.samples:
                self._sink(sample)
        return replace(found.profile, facts={**found.profile.facts, **self._cut()})

    def _cut(self) -> dict[str, str]:
        return {"ended": f"its recording had {self.size_bytes:,} bytes"} if self.full else {}


def _entered(tracker: memray.Tracker) -> None:
    """Start memray in a thread of its own: of the thread that starts it, it does not know the frames below."""
    with ThreadPoolExecutor(1, "groundhog-memray") as starter:
        starter.submit(tracker.__enter__).result()


def _samples(changes: dict[Place, list[int]]) -> list[Sample]:
    return [Sample(stack_of(place), (values[0], values[1]), place.link) for place, values in changes.items()]
