"""One look at the process and its host, shared by every metric of a collection."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic, time
from typing import Any, Final

import psutil

from groundhog_otel.resources.kernel import host_uptime_s, process_status
from groundhog_otel.resources.limits import available_cpus, available_memory_bytes

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

__all__ = ("Observer", "Snapshot")

logger = logging.getLogger("groundhog_otel.resources")

_FRESH_S: Final = 0.2
"""Callbacks of one collection follow each other within this; the shortest sensible export interval is longer."""

_LIMITS_S: Final = 60.0
"""Limits can be changed under a running process, but seldom; reading them costs as much as all the rest."""


class Snapshot:
    """What could be read, by name. What the platform or its permissions deny is not in it."""

    __slots__ = ("at_s", "elapsed_s", "facts", "previous")

    def __init__(self, *, facts: Mapping[str, Any], previous: Mapping[str, Any], at_s: float, elapsed_s: float) -> None:
        self.facts = facts
        self.previous = previous
        """The facts of the snapshot before, empty when there was none in this process."""
        self.at_s = at_s
        """On the monotonic clock."""
        self.elapsed_s = elapsed_s
        """Since the snapshot before; infinite when there was none."""

    def __getitem__(self, name: str) -> Any:
        """Return a fact. Raises ``KeyError`` for one that could not be read."""
        return self.facts[name]


_PROCESS: Final[Mapping[str, Callable[[psutil.Process], Any]]] = {
    "cpu": lambda process: process.cpu_times(),
    "memory": lambda process: process.memory_info(),
    "disk": lambda process: process.io_counters(),
    "descriptors": lambda process: process.num_fds(),
}
_ELSEWHERE: Final[Mapping[str, Callable[[Any], Any]]] = {
    **({} if sys.platform == "linux" else {"threads": lambda process: process.num_threads()}),
    **({} if resource is not None else {"switches": lambda process: process.num_ctx_switches()}),
    **({"handles": lambda process: process.num_handles()} if hasattr(psutil.Process, "num_handles") else {}),
}
"""What Linux, a Unix, tells with less ado: see ``_USAGE``, whose context switches are those of all threads."""
_USAGE: Final[Mapping[str, Callable[[], Any]]] = {
    "usage": lambda: resource.getrusage(resource.RUSAGE_SELF),
    "status": process_status,
}
_LIMITS: Final[Mapping[str, Callable[[], Any]]] = {
    "cpus": available_cpus,
    "memory_limit": lambda: available_memory_bytes(int(psutil.virtual_memory().total)),
}
_HOST_LIMITS: Final[Mapping[str, Callable[[], Any]]] = {
    "host.cpus": psutil.cpu_count,
    "host.cores": lambda: psutil.cpu_count(logical=False),
}
# nowrap=False: psutil's guard against wrapped counters takes a lock, which a fork in another thread would leave locked.
_HOST: Final[Mapping[str, Callable[[], Any]]] = {
    "host.cpu": psutil.cpu_times,
    "host.memory": psutil.virtual_memory,
    "host.swap": psutil.swap_memory,
    "host.uptime_s": host_uptime_s,
    "host.disk": lambda: psutil.disk_io_counters(perdisk=True, nowrap=False),
    "host.network": lambda: psutil.net_io_counters(pernic=True, nowrap=False),
}


_OF_PROCESS: Final = {**_PROCESS, **_ELSEWHERE}


class Observer:
    """Takes snapshots of the process it finds itself in.

    No thread, no lock. Readers in several threads at worst take a snapshot each: what a snapshot is compared with is
    always one older than ``_FRESH_S``. A fork is noticed by the process id, and the child starts afresh, so that it
    never reports its parent.
    """

    def __init__(self, *, process: bool, host: bool) -> None:
        self._wants_process = process
        self._wants_host = host
        self._missing: set[str] = set()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._process: psutil.Process | None = None
        self._started_s: float | None = None
        self._limits: Mapping[str, Any] = {}
        self._limits_read_s = float("-inf")
        self._latest: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Return the snapshot of this collection, taken now unless a callback before has done so. Never raises."""
        if os.getpid() != self._pid:
            self._start_afresh()
        now_s, latest = monotonic(), self._latest
        if latest is not None and now_s - latest.at_s <= _FRESH_S:
            return latest
        facts: dict[str, Any] = {}
        if now_s - self._limits_read_s > _LIMITS_S:
            limits = self._read(_LIMITS) if self._wants_process else {}
            self._limits = limits | (self._read(_HOST_LIMITS) if self._wants_host else {})
            self._limits_read_s = now_s
        facts |= self._limits
        if self._wants_process:
            self._look_at_process(facts, now_s)
            facts |= self._read(_USAGE)
        if self._wants_host:
            facts |= self._read(_HOST)
        previous, elapsed_s = ({}, float("inf")) if latest is None else (latest.facts, now_s - latest.at_s)
        self._latest = taken = Snapshot(facts=facts, previous=previous, at_s=now_s, elapsed_s=elapsed_s)
        return taken

    def _look_at_process(self, facts: dict[str, Any], now_s: float) -> None:
        try:
            process = self._process
            if process is None:
                process = self._process = psutil.Process()
            with process.oneshot():
                for name, look in _OF_PROCESS.items():
                    self._add(facts, name, partial(look, process))
                self._add(facts, "uptime_s", lambda: now_s - self._start_of(process))
        except Exception:
            self._say("process")

    def _start_of(self, process: psutil.Process) -> float:
        """Return when the process began on the monotonic clock, which setting the wall clock does not move."""
        if self._started_s is None:
            self._started_s = monotonic() - (time() - process.create_time())
        return self._started_s

    def _read(self, sources: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for name, look in sources.items():
            self._add(facts, name, look)
        return facts

    def _add(self, facts: dict[str, Any], name: str, look: Callable[[], Any]) -> None:
        try:
            fact = look()
        except Exception:
            self._say(name)
        else:
            if fact is not None:
                facts[name] = fact

    def _say(self, name: str) -> None:
        if name not in self._missing:
            self._missing.add(name)
            logger.debug("%s cannot be read here; its metrics are left out", name, exc_info=True)
