"""What a process may use: CPUs by affinity and control group, memory by the machine and control group.

Sources: the kernel's ``cgroup-v2`` (``cpu.max``, ``memory.max``) and ``cgroup-v1`` (``cpu.cfs_quota_us``,
``memory.limit_in_bytes``) documents.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

__all__ = (
    "available_cpus",
    "available_memory_bytes",
    "group_folders",
    "parse_bytes",
    "parse_cfs_quota",
    "parse_cpu_max",
)

_CGROUPS: Final = "/sys/fs/cgroup"
_MEMBERSHIP: Final = "/proc/self/cgroup"


def available_cpus(*, cgroups: str = _CGROUPS, membership: str = _MEMBERSHIP) -> float:
    """Return the CPUs this process may use, at least a hundredth of one; a quota makes it fractional."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = float(len(affinity(os.getpid())) if affinity is not None else os.cpu_count() or 1)
    for folder in group_folders(_read(membership), "cpu", cgroups=cgroups):
        quota = parse_cpu_max(_read(f"{folder}/cpu.max"))
        if quota is None:
            quota = parse_cfs_quota(_read(f"{folder}/cpu.cfs_quota_us"), _read(f"{folder}/cpu.cfs_period_us"))
        if quota is not None:
            cpus = min(cpus, quota)
    return max(0.01, cpus)


def available_memory_bytes(physical: int, *, cgroups: str = _CGROUPS, membership: str = _MEMBERSHIP) -> int:
    """Return the memory this process may use: ``physical``, or what its control groups allow of it."""
    for folder in group_folders(_read(membership), "memory", cgroups=cgroups):
        for file in ("memory.max", "memory.limit_in_bytes"):
            allowed = parse_bytes(_read(f"{folder}/{file}"))
            if allowed is not None:
                physical = min(physical, allowed)
    return physical


def group_folders(membership: str, controller: str, *, cgroups: str = _CGROUPS) -> Iterator[str]:
    """Yield the folders whose limits bind, from ``/proc/self/cgroup``: version 2's and that of version 1's controller.

    A group comes with those above it, whose limits bind it too. A container often sees the path its host gave it while
    only the top of that path exists inside; what does not exist has no limit, so that does no harm.
    """
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon or "\0" in path:
            continue
        if number == "0" and not controllers:
            top = cgroups
        elif controller in controllers.split(","):
            top = f"{cgroups}/{controller}"
        else:
            continue
        parts = [part for part in path.split("/") if part]
        if ".." in parts:  # outside of the namespace we see: only the top is ours to read
            parts = []
        for depth in range(len(parts), -1, -1):
            yield "/".join((top, *parts[:depth]))


def parse_cpu_max(text: str) -> float | None:
    """Return the CPUs that version 2's ``cpu.max`` allows (``50000 100000`` is half of one), None for no limit."""
    quota, _, period = text.strip().partition(" ")
    return _ratio(quota, period or "100000")


def parse_cfs_quota(quota: str, period: str) -> float | None:
    """Return the CPUs that version 1's two files allow, None for no limit (a quota of -1)."""
    return _ratio(quota, period)


def parse_bytes(text: str) -> int | None:
    """Return the bytes that a memory limit allows, None for no limit (``max``)."""
    return _positive(text)


def _ratio(quota: str, period: str) -> float | None:
    spent, of = _positive(quota), _positive(period)
    return None if spent is None or of is None else spent / of


def _positive(text: str) -> int | None:
    """Read a number of the kernel's, at most 64 bits of it; anything else is no number."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        return None
    return int(digits) or None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 # a third of the time of pathlib
            return file.read()
    except (OSError, ValueError):
        return ""
