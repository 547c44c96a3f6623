"""The metrics of the host: one row each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from groundhog_otel.resources.devices import disks, interfaces
from groundhog_otel.resources.metric import Metric, Reading, one, since
from groundhog_otel.resources.snapshot import Snapshot

__all__ = ("HOST",)

_MS: Final = 0.001
_HOST_MODES: Final = ("user", "nice", "system", "idle", "iowait", "steal")


def _host_cpu(times: Any) -> list[Reading]:
    readings = [(getattr(times, mode), {"cpu.mode": mode}) for mode in _HOST_MODES if hasattr(times, mode)]
    if hasattr(times, "irq"):
        readings.append((times.irq + times.softirq, {"cpu.mode": "interrupt"}))
    return readings


def _host_cpu_share(s: Snapshot) -> list[Reading]:
    """By mode, adding up to 1; nothing, rather than a zero, when the clock has not ticked."""
    spent = since(_host_cpu(s["host.cpu"]), _host_cpu(s.previous["host.cpu"]))
    whole = sum(seconds for seconds, _ in spent)
    return [(seconds / whole, mode) for seconds, mode in spent] if whole > 0 else []


def _by_disk(fields: tuple[str, str], factor: float | None = None) -> Callable[[Snapshot], list[Reading]]:
    """Return a reader of two of psutil's fields, read's and write's, per disk."""

    def read(s: Snapshot) -> list[Reading]:
        counters = s["host.disk"]
        return [
            (
                value if factor is None else value * factor,
                {"disk.io.direction": direction, "system.device": name},
            )
            for name in disks(tuple(counters))
            for direction, field in zip(("read", "write"), fields, strict=True)
            if (value := getattr(counters[name], field, None)) is not None
        ]

    return read


def _disk_busy(s: Snapshot) -> list[Reading]:
    counters = s["host.disk"]
    busy = ((name, getattr(counters[name], "busy_time", None)) for name in disks(tuple(counters)))
    return [(spent * _MS, {"system.device": name}) for name, spent in busy if spent is not None]


def _by_interface(sent: str, received: str, key: str = "network.interface.name") -> Callable[[Snapshot], list[Reading]]:
    """Return a reader of two of psutil's fields per interface."""

    def read(s: Snapshot) -> list[Reading]:
        counters = s["host.network"]
        return [
            (getattr(counters[name], field), {key: name, "network.io.direction": direction})
            for name in interfaces(tuple(counters))
            for direction, field in (("transmit", sent), ("receive", received))
        ]

    return read


def _paging(s: Snapshot) -> list[Reading]:
    swap = s["host.swap"]
    return [(swap.used, {"system.paging.state": "used"}), (swap.free, {"system.paging.state": "free"})]


def _paging_share(s: Snapshot) -> list[Reading]:
    """By state, adding up to 1; nothing on a host that has no swap."""
    total = s["host.swap"].total
    return [(value / total, attributes) for value, attributes in _paging(s)] if total > 0 else []


def _host_memory(s: Snapshot) -> list[Reading]:
    """By state, adding up to all there is: what is neither free nor the kernel's to give back is used."""
    memory = s["host.memory"]
    parts = {state: getattr(memory, state) for state in ("free", "cached", "buffers") if hasattr(memory, state)}
    if "cached" not in parts:  # no Linux: what can be had at once is more telling there than what nobody touched
        parts = {"free": memory.available}
    parts["used"] = max(0, memory.total - sum(parts.values()))
    return [(value, {"system.memory.state": state}) for state, value in parts.items()]


def _host_memory_share(s: Snapshot) -> list[Reading]:
    total = s["host.memory"].total
    return [(value / total, attributes) for value, attributes in _host_memory(s)]


def _on_linux(memory: Any) -> Any:
    """Return what it is given. Raises ``KeyError`` elsewhere, where the same words mean something else."""
    if sys.platform != "linux":
        raise KeyError(sys.platform)
    return memory


_MODE, _STATE, _DIRECTION = ("cpu.mode",), ("system.memory.state",), ("disk.io.direction",)

HOST: Final = (
    Metric(
        "system.cpu.time", "counter", "s", _MODE,
        "CPU seconds of all CPUs together, by mode", lambda s: _host_cpu(s["host.cpu"]),
    ),
    Metric(
        "system.cpu.utilization", "gauge", "1", _MODE,
        "Share of all CPUs together, since the last collection", _host_cpu_share,
    ),
    Metric(
        "system.cpu.logical.count", "up_down_counter", "{cpu}", (),
        "CPUs that the operating system shows", lambda s: one(s["host.cpus"]),
    ),
    Metric(
        "system.cpu.physical.count", "up_down_counter", "{cpu}", (),
        "Processor cores", lambda s: one(s["host.cores"]),
    ),
    Metric("system.memory.usage", "up_down_counter", "By", _STATE, "Memory of the host, by state", _host_memory),
    Metric(
        "system.memory.limit", "up_down_counter", "By", (),
        "Memory of the host in all", lambda s: one(s["host.memory"].total),
    ),
    Metric(
        "system.memory.utilization", "gauge", "1", _STATE,
        "Share of the host's memory, by state", _host_memory_share,
    ),
    Metric(
        "system.memory.linux.available", "up_down_counter", "By", (),
        "Memory that new programs could have without swapping", lambda s: one(_on_linux(s["host.memory"]).available),
    ),
    Metric(
        "system.memory.linux.shared", "up_down_counter", "By", (),
        "Memory that programs share, mostly tmpfs", lambda s: one(_on_linux(s["host.memory"]).shared),
    ),
    Metric(
        "system.paging.usage", "up_down_counter", "By", ("system.paging.state",),
        "Swap space, by state", _paging,
    ),
    Metric(
        "system.paging.utilization", "gauge", "1", ("system.paging.state",),
        "Share of the swap space, by state", _paging_share,
    ),
    Metric(
        "system.disk.io", "counter", "By", (*_DIRECTION, "system.device"),
        "Bytes to and from each disk of the host", _by_disk(("read_bytes", "write_bytes")),
    ),
    Metric(
        "system.disk.operations", "counter", "{operation}", (*_DIRECTION, "system.device"),
        "Reads and writes of each disk", _by_disk(("read_count", "write_count")),
    ),
    Metric(
        "system.disk.merged", "counter", "{operation}", (*_DIRECTION, "system.device"),
        "Reads and writes that were merged into others", _by_disk(("read_merged_count", "write_merged_count")),
    ),
    Metric(
        "system.disk.operation_time", "counter", "s", (*_DIRECTION, "system.device"),
        "Seconds of all reads and writes of each disk together", _by_disk(("read_time", "write_time"), _MS),
    ),
    Metric(
        "system.disk.io_time", "counter", "s", ("system.device",),
        "Seconds in which each disk had something to do", _disk_busy,
    ),
    Metric(
        "system.network.io", "counter", "By", ("network.interface.name", "network.io.direction"),
        "Bytes through each network interface of the host", _by_interface("bytes_sent", "bytes_recv"),
    ),
    Metric(
        "system.network.packet.count", "counter", "{packet}", ("network.io.direction", "system.device"),
        "Packets through each network interface", _by_interface("packets_sent", "packets_recv", "system.device"),
    ),
    Metric(
        "system.network.packet.dropped", "counter", "{packet}", ("network.interface.name", "network.io.direction"),
        "Packets dropped without an error", _by_interface("dropout", "dropin"),
    ),
    Metric(
        "system.network.errors", "counter", "{error}", ("network.interface.name", "network.io.direction"),
        "Errors of each network interface", _by_interface("errout", "errin"),
    ),
    Metric("system.uptime", "gauge", "s", (), "Time the host has been running", lambda s: one(s["host.uptime_s"])),
)  # fmt: skip
"""Not here: filesystems (asking a dead network mount would hang), connections and processes (one look at each costs
more than everything else together), and what psutil cannot tell on every platform."""
