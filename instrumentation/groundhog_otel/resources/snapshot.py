"""One look at the process and its host, shared by every metric of a collection."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

import psutil

from groundhog_otel.resources.limits import available_cpus

__all__ = ("Observer", "Snapshot")

logger = logging.getLogger("groundhog_otel.resources")

Snapshot = Mapping[str, Any]
"""What could be read, by the names below. What the platform or its permissions deny is not in it."""

_FRESH_S: Final = 0.2
"""Callbacks of one collection follow each other within this; the shortest sensible export interval is longer."""

_PROCESS: Final[Mapping[str, Callable[[psutil.Process], Any]]] = {
    "cpu": lambda process: process.cpu_times(),
    "memory": lambda process: process.memory_info(),
    "disk": lambda process: process.io_counters(),
    "threads": lambda process: process.num_threads(),
    "switches": lambda process: process.num_ctx_switches(),
    "descriptors": lambda process: process.num_fds(),
    "created": lambda process: process.create_time(),
}
_HOST: Final[Mapping[str, Callable[[], Any]]] = {
    "host.cpu": psutil.cpu_times,
    "host.memory": psutil.virtual_memory,
    "host.disk": psutil.disk_io_counters,
    "host.network": lambda: psutil.net_io_counters(pernic=True),
}


class Observer:
    """Takes snapshots of the process it finds itself in, and keeps what differences are taken from.

    No thread and no lock: a collection runs its callbacks one after the other. A fork is noticed by the process id; the
    child starts afresh, so that it never reports its parent.
    """

    def __init__(self, *, host: bool) -> None:
        self._host = host
        self._missing: set[str] = set()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._process: psutil.Process | None = None
        self._taken_s = float("-inf")
        self._snapshot: dict[str, Any] = {}
        self._cpus = available_cpus()

    def snapshot(self) -> Snapshot:
        """Return the snapshot of this collection, taken now unless a callback before has done so. Never raises."""
        if os.getpid() != self._pid:
            self._start_afresh()
        now_s = monotonic()
        if now_s - self._taken_s > _FRESH_S:
            self._snapshot = self._take(now_s, self._snapshot)
            self._taken_s = now_s
        return self._snapshot

    def _take(self, now_s: float, before: Snapshot) -> dict[str, Any]:
        found: dict[str, Any] = {"at_s": now_s, "cpus": self._cpus}
        try:
            if self._process is None:
                self._process = psutil.Process()
            process = self._process
            with process.oneshot():
                for name, read in _PROCESS.items():
                    self._add(found, name, lambda read=read: read(process))  # type: ignore[misc]
        except Exception:
            self._say("process")
        if self._host:
            for name, look in _HOST.items():
                self._add(found, name, look)
        for name in ("cpu", "host.cpu"):
            if name in found and name in before:
                found[f"{name}.before"] = before[name]
                found["elapsed_s"] = now_s - before["at_s"]
        return found

    def _add(self, found: dict[str, Any], name: str, read: Callable[[], Any]) -> None:
        try:
            value = read()
        except Exception:
            self._say(name)
        else:
            if value is not None:
                found[name] = value

    def _say(self, name: str) -> None:
        if name not in self._missing:
            self._missing.add(name)
            logger.debug("%s cannot be read here; its metrics are left out", name, exc_info=True)
