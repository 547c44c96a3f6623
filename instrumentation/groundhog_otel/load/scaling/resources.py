"""What the processes of a server use while it is under load, sampled from outside by a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from time import thread_time, time, time_ns
from types import TracebackType
from typing import Any, Final, final

import psutil

__all__ = ("ResourceSampler", "Sample", "Use", "use")

_CHILDREN_EVERY: Final = 4
"""Looks at the whole process table, which costs more than the rest of a sample."""
_LONGEST_S: Final = 5.0
_MOST_SHARE: Final = 0.1
"""Of the time, that sampling may take: it shares a CPU with what makes the load."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the server's processes, their children included. None is what could not be known."""

    time_ns: int
    """Nanoseconds since 1970."""
    processes: int
    cpu_s: float | None
    """Used since sampling began, also by processes that have ended since, up to the last look at them."""
    memory_bytes: int | None
    """Resident, added up: memory that they share counts more than once."""
    disk_read_bytes: int | None
    """Since sampling began; of what is alive."""
    disk_written_bytes: int | None
    network_bytes: int | None
    """Through all interfaces of the host, loopback included: operating systems do not count it by process."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a server used over a span of time. None is what could not be known."""

    cpu_cores: float | None
    """CPU seconds per second: 1 is one core, always."""
    memory_bytes: int | None
    """The most."""
    disk_bytes_per_s: float | None
    """Read and written."""
    network_bytes_per_s: float | None
    """The host's, in both directions; what goes through loopback is counted at either end."""


@final
class ResourceSampler:
    """Samples processes every ``interval_s`` seconds, or as often as a tenth of the time allows, within its context.

    ``pids`` is asked each time, so servers may come and go. What may not be read is None; nothing is raised.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], *, interval_s: float = 0.5) -> None:
        self._pids = pids
        self._interval_s = interval_s
        self._samples: list[Sample] = []
        self._ended = Event()
        self._thread = Thread(target=self._run, name="groundhog-load-resources", daemon=True)
        self._began_s = time()
        self._known: dict[tuple[int, float], _Watched] = {}
        self._spent_s: float | None = None

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What has been sampled so far, by time."""
        return tuple(self._samples)

    def __enter__(self) -> ResourceSampler:
        self._sample(look_for_children=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(_LONGEST_S)
        self._sample(look_for_children=True)

    def _run(self) -> None:
        number, pause_s = 0, self._interval_s
        while not self._ended.wait(pause_s):
            number += 1
            began_s = thread_time()
            self._sample(look_for_children=number % _CHILDREN_EVERY == 0)
            pause_s = max(self._interval_s, (thread_time() - began_s) / _MOST_SHARE)

    def _sample(self, *, look_for_children: bool) -> None:
        for key, process in self._processes(look_for_children=look_for_children):
            if key not in self._known:
                self._known[key] = _Watched(process, new=key[1] >= self._began_s)
        alive = []
        for key, watched in list(self._known.items()):
            try:
                spent_s = watched.look()
            except psutil.NoSuchProcess:
                del self._known[key]
            else:
                if watched.cpu_s is not None:
                    self._spent_s = (self._spent_s or 0.0) + spent_s
                if not watched.zombie:
                    alive.append(watched)
        self._samples.append(
            Sample(
                time_ns=time_ns(),
                processes=len(alive),
                cpu_s=self._spent_s if all(one.cpu_s is not None for one in alive) else None,
                memory_bytes=_sum(one.memory_bytes for one in alive),
                disk_read_bytes=_sum(one.read_bytes for one in alive),
                disk_written_bytes=_sum(one.written_bytes for one in alive),
                network_bytes=_host_traffic(),
            )
        )

    def _processes(self, *, look_for_children: bool) -> Iterator[tuple[tuple[int, float], Any]]:
        """Yield the processes with what tells them from others of the same number."""
        for pid in self._pids():
            found = []
            with suppress(psutil.Error, OSError):
                found.append(psutil.Process(pid))
                if look_for_children:
                    found.extend(found[0].children(recursive=True))
            for process in found:
                with suppress(psutil.Error, OSError):
                    yield (process.pid, process.create_time()), process


class _Watched:
    """A process, and what it had used at the last look."""

    def __init__(self, process: Any, *, new: bool) -> None:
        self._process = process
        self._new = new
        self.zombie = False
        """It has ended, and nobody has asked how: what it used is still to be had."""
        self.cpu_s: float | None = None
        self.memory_bytes: int | None = None
        self.read_bytes: int | None = None
        self.written_bytes: int | None = None
        self._disk_before: tuple[int, int] | None = None

    def look(self) -> float:
        """Look at it, and return the CPU seconds since the last time.

        Raises:
            psutil.NoSuchProcess: it has ended.
        """
        with self._process.oneshot():
            self.zombie = self._allowed(self._process.status) == psutil.STATUS_ZOMBIE
            times = self._allowed(self._process.cpu_times)
            memory = self._allowed(self._process.memory_info)
            # Not on macOS, and of other users' processes only root may.
            disk = self._allowed(getattr(self._process, "io_counters", lambda: None))
        before_s = self.cpu_s
        self.cpu_s = None if times is None else float(times.user + times.system)
        self.memory_bytes = None if memory is None else memory.rss
        if disk is not None:
            if self._disk_before is None:
                self._disk_before = (0, 0) if self._new else (disk.read_bytes, disk.write_bytes)
            self.read_bytes = disk.read_bytes - self._disk_before[0]
            self.written_bytes = disk.write_bytes - self._disk_before[1]
        if self.cpu_s is None:
            return 0.0
        if before_s is None:
            return self.cpu_s if self._new else 0.0
        return max(self.cpu_s - before_s, 0.0)

    @staticmethod
    def _allowed(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except psutil.ZombieProcess:
            return None
        except psutil.NoSuchProcess:
            raise
        except (psutil.Error, OSError):
            return None


def use(samples: Sequence[Sample], start_ns: int, end_ns: int) -> Use:
    """Return what was used between two instants, as far as samples within tell."""
    within = [one for one in samples if start_ns <= one.time_ns <= end_ns]
    return Use(
        cpu_cores=_rate(within, lambda one: one.cpu_s),
        memory_bytes=max((one.memory_bytes for one in within if one.memory_bytes is not None), default=None),
        disk_bytes_per_s=_rate(
            within,
            lambda one: (
                None
                if one.disk_read_bytes is None or one.disk_written_bytes is None
                else one.disk_read_bytes + one.disk_written_bytes
            ),
        ),
        network_bytes_per_s=_rate(within, lambda one: one.network_bytes),
    )


def _rate(samples: Sequence[Sample], of: Callable[[Sample], float | None]) -> float | None:
    known = [(one.time_ns, value) for one in samples if (value := of(one)) is not None]
    if len(known) < 2:
        return None
    (start_ns, first), (end_ns, last) = known[0], known[-1]
    return max(last - first, 0.0) / ((end_ns - start_ns) / 1e9) if end_ns > start_ns else None


def _sum(values: Iterable[int | None]) -> int | None:
    """Return the sum; None when one is not known, or there is none."""
    known = list(values)
    return None if not known or None in known else sum(value for value in known if value is not None)


def _host_traffic() -> int | None:
    try:
        counters = psutil.net_io_counters()
    except (psutil.Error, OSError):
        return None
    return counters.bytes_sent + counters.bytes_recv if counters is not None else None
