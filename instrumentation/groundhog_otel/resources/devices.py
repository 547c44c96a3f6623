"""Which disks and network interfaces of a host get a series each: few, lasting, and none counted twice."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

__all__ = ("disks", "interfaces")

_MOST: Final = 16
_SYSFS: Final = "/sys"
_STACKED_DISKS: Final = ("loop", "ram", "zram", "dm-", "md", "nbd")
"""Views of another device or of memory: their bytes are counted there too."""
_PASSING_INTERFACES: Final = (
    "veth", "cali", "cni", "lxc", "tap", "vnet", "br-", "docker", "virbr", "flannel", "cilium", "ifb", "dummy",
    "utun", "awdl", "llw", "anpi", "ap1", "bridge", "gif", "stf",
)  # fmt: skip
"""One per container, tunnel or bridge: they come and go, and what they carry is counted elsewhere too."""


@lru_cache(maxsize=8)
def disks(names: tuple[str, ...], *, sysfs: str = _SYSFS) -> tuple[str, ...]:
    """Return the disks to report, sorted: those with hardware behind them; where nothing says so, the unstacked.

    Asked once for the same names: a device that comes or goes changes them.
    """
    return tuple(_lasting(names, f"{sysfs}/block", _STACKED_DISKS))


@lru_cache(maxsize=8)
def interfaces(names: tuple[str, ...], *, sysfs: str = _SYSFS) -> tuple[str, ...]:
    """Return the interfaces to report, sorted: loopback, and those with hardware behind them; in a container all."""
    known = set(names)
    loopback = known & {"lo", "lo0"}
    return tuple(sorted([*loopback, *_lasting(known - loopback, f"{sysfs}/class/net", _PASSING_INTERFACES)]))


def _lasting(names: Iterable[str], folder: str, passing: tuple[str, ...]) -> list[str]:
    known = sorted(names)
    hardware = [name for name in known if os.path.exists(f"{folder}/{name.replace('/', '!')}/device")]  # noqa: PTH110
    return (hardware or [name for name in known if not name.startswith(passing)])[:_MOST]
