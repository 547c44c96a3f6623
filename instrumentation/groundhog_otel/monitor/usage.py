"""What this process used while a block ran. Of whatever else it does meanwhile, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import psutil

from groundhog_otel.budgets import PROCESS_LIMITS, ProcessLimits
from groundhog_otel.monitor.measurement import Measurement
from groundhog_otel.report.units import duration, share, size
from groundhog_otel.resources.limits import available_cpus

__all__ = ("ResourceUsage",)

Report = Callable[["ResourceUsage", "str | None"], None]


@dataclass(frozen=True, slots=True)
class _Look:
    at_s: float
    cpu_s: float
    memory_bytes: int
    read_bytes: int
    written_bytes: int

    @classmethod
    def now(cls) -> _Look:
        process = psutil.Process()
        moved = process.io_counters() if hasattr(process, "io_counters") else None  # not on macOS
        read, written = (0, 0) if moved is None else (moved.read_bytes, moved.write_bytes)
        return cls(perf_counter(), process_time(), process.memory_info().rss, read, written)


class ResourceUsage(Measurement):
    """The process from the beginning of a block to its end, or up to now while it is under way."""

    def __init__(self, name: str, *, on_end: Report = lambda _, __: None) -> None:
        self.name = name
        self._on_end = on_end
        self._before: _Look | None = None
        self._after: _Look | None = None

    @property
    def wall_s(self) -> float:
        """Seconds that passed."""
        before, after = self._looks()
        return after.at_s - before.at_s

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU, of all threads, in user and system mode."""
        before, after = self._looks()
        return after.cpu_s - before.cpu_s

    @property
    def cpu_share(self) -> float:
        """Of the CPUs that the process may use, 0 to 1."""
        return self.cpu_s / max(self.wall_s * available_cpus(), 1e-9)

    @property
    def memory_bytes(self) -> int:
        """Physical memory that the process holds at the end."""
        return self._looks()[1].memory_bytes

    @property
    def memory_growth_bytes(self) -> int:
        """By how much that is more than at the beginning; it may be less."""
        before, after = self._looks()
        return after.memory_bytes - before.memory_bytes

    @property
    def disk_read_bytes(self) -> int:
        """Bytes that came from disks; 0 where the system does not tell."""
        before, after = self._looks()
        return after.read_bytes - before.read_bytes

    @property
    def disk_written_bytes(self) -> int:
        """Bytes that went to disks; 0 where the system does not tell."""
        before, after = self._looks()
        return after.written_bytes - before.written_bytes

    def over(self, limits: ProcessLimits = PROCESS_LIMITS) -> tuple[str, ...]:
        """Return which of the limits on memory and CPU were exceeded, as a sentence each."""
        said = []
        if self.memory_bytes > limits.memory_bytes:
            said.append(f"memory: {size(self.memory_bytes)}, over {size(limits.memory_bytes)}")
        if self.cpu_share > limits.cpu_share:
            said.append(f"CPU: {share(self.cpu_share)}, over {share(limits.cpu_share)}")
        return tuple(said)

    def require(self, limits: ProcessLimits = PROCESS_LIMITS) -> ResourceUsage:
        """Return itself, if the limits on memory and CPU hold.

        Raises:
            AssertionError: one does not; the message says by how much.
        """
        said = self.over(limits)
        if said:
            raise AssertionError(f"{self.name}: {'; '.join(said)}")
        return self

    def _looks(self) -> tuple[_Look, _Look]:
        if self._before is None:
            raise RuntimeError(f"{self.name} has not been measured: ask within the block, or after it")
        return self._before, self._after or _Look.now()

    def _begin(self) -> None:
        self._after = None
        self._before = _Look.now()

    def _end(self, error: str | None) -> None:
        self._after = _Look.now()
        self._on_end(self, error)

    def _again(self) -> ResourceUsage:
        return ResourceUsage(self.name, on_end=self._on_end)

    def __repr__(self) -> str:
        if self._before is None:
            return f"{self.name}, not measured"
        return (
            f"{self.name} used {duration(self.cpu_s)} of CPU in {duration(self.wall_s)}, and holds "
            f"{size(self.memory_bytes)}"
        )
