"""The metrics: one row each, by the semantic conventions for process and system metrics (v1.44.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from groundhog_otel.resources.devices import disks, interfaces
from groundhog_otel.resources.snapshot import Snapshot

__all__ = ("TABLE", "Metric", "Reading")

Reading = tuple[float, dict[str, str]]
Kind = Literal["counter", "up_down_counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and how its readings are taken from a snapshot. A fact the snapshot lacks raises ``KeyError``."""

    name: str
    kind: Kind
    unit: str
    attributes: tuple[str, ...]
    description: str
    read: Callable[[Snapshot], Iterable[Reading]]

    @property
    def of_host(self) -> bool:
        """Whether this is about the host and not about the process."""
        return self.name.startswith("system.")


def _one(value: float) -> list[Reading]:
    return [(value, {})]


def _process_cpu(times: Any) -> list[Reading]:
    return [(times.user, {"cpu.mode": "user"}), (times.system, {"cpu.mode": "system"})]


def _process_cpu_share(s: Snapshot) -> list[Reading]:
    available = s.elapsed_s * s["cpus"]
    return [
        (spent / available, mode) for spent, mode in _since(_process_cpu(s["cpu"]), _process_cpu(s.previous["cpu"]))
    ]


_HOST_MODES: Final = ("user", "nice", "system", "idle", "iowait", "steal")


def _host_cpu(times: Any) -> list[Reading]:
    readings = [(getattr(times, mode), {"cpu.mode": mode}) for mode in _HOST_MODES if hasattr(times, mode)]
    if hasattr(times, "irq"):
        readings.append((times.irq + times.softirq, {"cpu.mode": "interrupt"}))
    return readings


def _host_cpu_share(s: Snapshot) -> list[Reading]:
    """By mode, adding up to 1; nothing, rather than a zero, when the clock has not ticked."""
    spent = _since(_host_cpu(s["host.cpu"]), _host_cpu(s.previous["host.cpu"]))
    whole = sum(seconds for seconds, _ in spent)
    return [(seconds / whole, mode) for seconds, mode in spent] if whole > 0 else []


def _since(now: list[Reading], before: list[Reading]) -> list[Reading]:
    return [(max(0.0, value - old), attributes) for (value, attributes), (old, _) in zip(now, before, strict=True)]


def _disk_io(counters: Any, attributes: dict[str, str]) -> list[Reading]:
    return [
        (counters.read_bytes, {"disk.io.direction": "read", **attributes}),
        (counters.write_bytes, {"disk.io.direction": "write", **attributes}),
    ]


def _host_disk_io(s: Snapshot) -> list[Reading]:
    counters = s["host.disk"]
    return [reading for name in disks(tuple(counters)) for reading in _disk_io(counters[name], {"system.device": name})]


def _host_network_io(s: Snapshot) -> list[Reading]:
    counters = s["host.network"]
    return [
        (value, {"network.interface.name": name, "network.io.direction": direction})
        for name in interfaces(tuple(counters))
        for direction, value in (("transmit", counters[name].bytes_sent), ("receive", counters[name].bytes_recv))
    ]


def _switches(s: Snapshot) -> list[Reading]:
    key, switches = "process.context_switch.type", s["switches"]
    return [(switches.voluntary, {key: "voluntary"}), (switches.involuntary, {key: "involuntary"})]


def _faults(s: Snapshot) -> list[Reading]:
    key, usage = "system.paging.fault.type", s["faults"]
    return [(usage.ru_majflt, {key: "major"}), (usage.ru_minflt, {key: "minor"})]


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


_MODE, _STATE, _DIRECTION = ("cpu.mode",), ("system.memory.state",), ("disk.io.direction",)

TABLE: Final = (
    Metric(
        "process.cpu.time", "counter", "s", _MODE,
        "CPU seconds the process has used, by mode", lambda s: _process_cpu(s["cpu"]),
    ),
    Metric(
        "process.cpu.utilization", "gauge", "1", _MODE,
        "Share of the CPUs the process may use (affinity, cgroup quota), since the last collection", _process_cpu_share,
    ),
    Metric(
        "process.memory.usage", "up_down_counter", "By", (),
        "Physical memory the process holds", lambda s: _one(s["memory"].rss),
    ),
    Metric(
        "process.memory.virtual", "up_down_counter", "By", (),
        "Virtual memory the process has reserved", lambda s: _one(s["memory"].vms),
    ),
    Metric(
        "process.memory.utilization", "gauge", "1", (),
        "Physical memory the process holds, as a share of what it may have (the machine's, or its cgroup's limit)",
        lambda s: _one(s["memory"].rss / s["memory_limit"]),
    ),
    Metric(
        "process.disk.io", "counter", "By", _DIRECTION,
        "Bytes the process moved to and from disks", lambda s: _disk_io(s["disk"], {}),
    ),
    Metric(
        "process.thread.count", "up_down_counter", "{thread}", (),
        "Threads of the process, those of native code too", lambda s: _one(s["threads"]),
    ),
    Metric(
        "process.context_switches", "counter", "{context_switch}", ("process.context_switch.type",),
        "Times the process waited (voluntary) or was made to wait (involuntary)", _switches,
    ),
    Metric(
        "process.paging.faults", "counter", "{fault}", ("system.paging.fault.type",),
        "Page faults of the process; a major one had to read a disk", _faults,
    ),
    Metric(
        "process.unix.file_descriptor.count", "up_down_counter", "{file_descriptor}", (),
        "File descriptors the process has open", lambda s: _one(s["descriptors"]),
    ),
    Metric("process.uptime", "gauge", "s", (), "Time the process has been running", lambda s: _one(s["uptime_s"])),
    Metric(
        "system.cpu.time", "counter", "s", _MODE,
        "CPU seconds of all CPUs together, by mode", lambda s: _host_cpu(s["host.cpu"]),
    ),
    Metric(
        "system.cpu.utilization", "gauge", "1", _MODE,
        "Share of all CPUs together, since the last collection", _host_cpu_share,
    ),
    Metric("system.memory.usage", "up_down_counter", "By", _STATE, "Memory of the host, by state", _host_memory),
    Metric(
        "system.memory.limit", "up_down_counter", "By", (),
        "Memory of the host in all", lambda s: _one(s["host.memory"].total),
    ),
    Metric(
        "system.memory.utilization", "gauge", "1", _STATE,
        "Share of the host's memory, by state", _host_memory_share,
    ),
    Metric(
        "system.disk.io", "counter", "By", (*_DIRECTION, "system.device"),
        "Bytes to and from each disk of the host", _host_disk_io,
    ),
    Metric(
        "system.network.io", "counter", "By", ("network.interface.name", "network.io.direction"),
        "Bytes through each network interface of the host", _host_network_io,
    ),
)  # fmt: skip
"""``process.network.io`` is not here: the kernel counts bytes by network namespace, never by process. Nor is
``process.disk.operations``: what psutil calls operations are system calls, whether or not they reach a disk."""
