"""How many CPUs a process may use: its affinity mask, cut down by the quota of its control group."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ("available_cpus", "cgroup_paths", "parse_cfs_quota", "parse_cpu_max")

_CGROUPS: Final = Path("/sys/fs/cgroup")


def available_cpus() -> float:
    """Return the CPUs this process may use, at least a hundredth of one; quotas make it fractional."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = float(len(affinity(0)) if affinity is not None else os.cpu_count() or 1)
    return max(0.01, min([cpus, *_quotas()]))


def _quotas() -> Iterator[float]:
    for path in cgroup_paths(_read(Path("/proc/self/cgroup")) or ""):
        for folder in (path, *path.parents):  # a parent group's quota binds its children too
            quota = parse_cpu_max(_read(folder / "cpu.max") or "")
            if quota is None:
                quota = parse_cfs_quota(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))
            if quota is not None:
                yield quota
            if folder == _CGROUPS:
                break


def cgroup_paths(text: str) -> list[Path]:
    """Return the folders that ``/proc/self/cgroup`` names, of version 2 and of version 1's cpu controller."""
    found = []
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) != 3 or "\0" in line or ".." in parts[2]:
            continue
        controllers = parts[1].split(",")
        if parts[0] == "0" and not parts[1]:
            found.append(_CGROUPS / parts[2].lstrip("/"))
        elif "cpu" in controllers:
            found.append(_CGROUPS / "cpu" / parts[2].lstrip("/"))
    return found


def parse_cpu_max(text: str) -> float | None:
    """Return the CPUs that a version 2 ``cpu.max`` allows (``50000 100000`` is half of one), None for no limit."""
    quota, _, period = text.strip().partition(" ")
    return _ratio(quota, period or "100000")


def parse_cfs_quota(quota: str | None, period: str | None) -> float | None:
    """Return the CPUs that version 1's two files allow, None for no limit (a quota of -1)."""
    return _ratio((quota or "").strip(), (period or "").strip())


def _ratio(quota: str, period: str) -> float | None:
    if not (quota.isascii() and quota.isdigit() and period.isascii() and period.isdigit()):
        return None
    return int(quota) / int(period) if int(quota) > 0 and int(period) > 0 else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return None
