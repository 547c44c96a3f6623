"""The memory profiler, as programs use it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from groundhog_otel import budgets
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.memory.session import LIMIT_BYTES, AllocationSession, MemraySession, TracemallocSession
from groundhog_otel.profiling.memory.traces import MOST_FRAMES
from groundhog_otel.profiling.model import Sample

if TYPE_CHECKING:
    from groundhog_otel.profiling.memory.heap.report import HeapReport
    from groundhog_otel.profiling.memory.leaks.report import LeakReport
    from groundhog_otel.profiling.memory.leaks.watch import LeakWatch

__all__ = ("Engine", "MemoryProfiler")

Engine = Literal["memray", "tracemalloc"]
_FRAMES_TO_HANDLER: Final = 24
"""From a tool's code down to our frame there are some ten of the SDK's, and the tool has its own."""


class MemoryProfiler:
    """Says which call allocates what, what leaks, and what the heap consists of.

    ``engine`` tracks allocations: ``memray`` (the default where it is installed) knows every one with its whole stack;
    ``tracemalloc`` what is in use. On calls of MCP tools memray costs about as much as tracemalloc with one frame, and
    a sixth of tracemalloc with the ``frames`` that it takes to get from a tool's code to its operation.
    ``sink`` gets the samples of the profiles, once a session ends or is asked for a checkpoint.
    ``file`` is where memray writes; by default a new file in the folder for temporary ones.

    Raises ``ValueError`` for an engine that nobody knows and for frames out of bounds, and ``ProfileError`` where
    memray is asked for and not installed.
    """

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        frames: int = _FRAMES_TO_HANDLER,
        file: Path | None = None,
        sink: Callable[[Sample], None] | None = None,
        service: str = "",
    ) -> None:
        if engine not in {None, "memray", "tracemalloc"}:
            raise ValueError(f"engine={engine!r} is none that there is; write 'memray' or 'tracemalloc'.")
        there = sys.platform != "win32" and find_spec("memray") is not None
        if engine == "memray" and not there:
            raise ProfileError(
                "memray is not installed; pip install 'groundhog-otel[profile]', or engine='tracemalloc'."
            )
        if not 1 <= frames <= MOST_FRAMES:
            raise ValueError(f"frames={frames!r} is out of bounds; write 1 to {MOST_FRAMES}.")
        self.engine: Engine = engine or ("memray" if there else "tracemalloc")
        self._frames = frames
        self._file = file
        self._sink = sink
        self._service = service

    def detect_leaks(
        self,
        *,
        tool: str | None = None,
        warm_up_calls: int = 200,
        window_calls: int = 100,
        windows: int = 9,
        frames: int = 1,
        least_bytes_per_call: float = 64.0,
        limit_bytes: int | None = None,
        on_report: Callable[[LeakReport], None] | None = None,
    ) -> LeakWatch:
        """Look for a leak while this process answers calls, by tracemalloc.

        After ``warm_up_calls`` memory is measured at the end of each of ``windows`` windows of ``window_calls``. Only
        calls of ``tool`` count where one is named. With one of the ``frames`` the innermost line is known; with some 24
        the tool as well, at seven times the cost. ``limit_bytes`` is where the memory of the process ends: by default
        its budget. Scientific Python (``scipy``) is loaded now and not in between.

        Raises ``ValueError`` for numbers that are out of bounds.
        """
        from groundhog_otel.profiling.memory.leaks.growth import LEAST_WINDOWS  # noqa: PLC0415 - scipy is of the extra
        from groundhog_otel.profiling.memory.leaks.watch import LeakWatch  # noqa: PLC0415

        if windows < LEAST_WINDOWS:
            raise ValueError(f"windows={windows!r} are too few to tell; write {LEAST_WINDOWS} or more.")
        if warm_up_calls < 0 or window_calls < 1:
            raise ValueError("A warm-up has 0 calls or more and a window 1 or more; write such numbers.")
        if not 1 <= frames <= MOST_FRAMES:
            raise ValueError(f"frames={frames!r} is out of bounds; write 1 to {MOST_FRAMES}.")
        return LeakWatch(
            tool=tool,
            warm_up_calls=warm_up_calls,
            window_calls=window_calls,
            windows=windows,
            frames=frames,
            least_bytes_per_call=least_bytes_per_call,
            limit_bytes=budgets.PROCESS_LIMITS.memory_bytes if limit_bytes is None else limit_bytes,
            on_report=on_report,
        )

    def track_allocations(
        self,
        *,
        tool: str | None = None,
        every: bool = True,
        native: bool = False,
        limit_bytes: int = LIMIT_BYTES,
        profile_id: str | None = None,
    ) -> AllocationSession:
        """Track what is allocated from now until the session is stopped.

        ``tool`` is the only one whose calls are told apart. Of memray only: ``every=False`` keeps sums instead of every
        allocation: a small file, that knows what is left and not what was freed, and that is empty until the end;
        ``native=True`` keeps C's stacks, too; once its file has ``limit_bytes`` or a little more, it records no more.

        Raises:
            ProfileError: the file is there already, or memray is tracking already: there can be one in a process.
            ValueError: the limit is none.
        """
        if self.engine == "tracemalloc":
            return TracemallocSession(
                frames=self._frames, service=self._service, tool=tool, sink=self._sink, profile_id=profile_id
            )
        file = self._file or Path(tempfile.mkdtemp(prefix="groundhog-")) / "memory.memray.bin"
        if file.exists():
            raise ProfileError(f"{file} is there already; name a new file, or remove it")
        if limit_bytes < 1:
            raise ValueError(f"limit_bytes={limit_bytes!r} keeps nothing; write 1 or more.")
        return MemraySession(
            file=file, limit_bytes=limit_bytes, every=every, native=native, service=self._service, tool=tool,
            sink=self._sink, profile_id=profile_id,
        )  # fmt: skip

    def analyze_heap(self, *, most: int = 20, timeout_s: float = 10.0) -> HeapReport:
        """Look at the whole heap now: by type, module and line, and by what would be freed without what holds it.

        The process stands still meanwhile: about a second for a million objects, then at most ``timeout_s`` for what
        is held. ``most`` bounds each list. Lines are known while tracemalloc runs: during a leak search, or an
        ``engine="tracemalloc"`` session.

        Raises ``ValueError`` for numbers below nought.
        """
        from groundhog_otel.profiling.memory.heap.analysis import analyzed  # noqa: PLC0415 - numpy is of the extra

        if most < 1 or timeout_s <= 0:
            raise ValueError("most is 1 or more and timeout_s above 0; write such numbers.")
        return analyzed(most=most, timeout_s=timeout_s)
