"""The metrics: one row each, by the semantic conventions for process and system metrics (v1.44.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import time
from typing import Any, Final, Literal

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
    description: str
    read: Callable[[Snapshot], Iterable[Reading]]

    @property
    def of_host(self) -> bool:
        """Whether this is about the host and not about the process."""
        return self.name.startswith("system.")


def _modes(times: Any, *modes: str) -> list[Reading]:
    return [(getattr(times, mode), {"cpu.mode": mode}) for mode in modes if hasattr(times, mode)]


def _process_cpu(s: Snapshot) -> list[Reading]:
    return _modes(s["cpu"], "user", "system")


def _process_cpu_share(s: Snapshot) -> list[Reading]:
    before, scale = s["cpu.before"], s["elapsed_s"] * s["cpus"]
    return [
        (max(0.0, value - getattr(before, attributes["cpu.mode"])) / scale, attributes)
        for value, attributes in _process_cpu(s)
    ]


_HOST_MODES: Final = ("user", "nice", "system", "idle", "iowait", "steal")


def _host_cpu_share(s: Snapshot) -> list[Reading]:
    before = s["host.cpu.before"]
    spent = [
        (max(0.0, value - getattr(before, attributes["cpu.mode"])), attributes)
        for value, attributes in _modes(s["host.cpu"], *_HOST_MODES)
    ]
    total = sum(seconds for seconds, _ in spent)
    return [(seconds / total, attributes) for seconds, attributes in spent] if total > 0 else []


def _io(counters: Any) -> list[Reading]:
    return [
        (counters.read_bytes, {"disk.io.direction": "read"}),
        (counters.write_bytes, {"disk.io.direction": "write"}),
    ]


def _switches(s: Snapshot) -> list[Reading]:
    switches = s["switches"]
    return [
        (switches.voluntary, {"process.context_switch.type": "voluntary"}),
        (switches.involuntary, {"process.context_switch.type": "involuntary"}),
    ]


_STATES: Final = ("used", "free", "cached", "buffers")


def _host_memory(s: Snapshot) -> list[Reading]:
    memory = s["host.memory"]
    return [(getattr(memory, state), {"system.memory.state": state}) for state in _STATES if hasattr(memory, state)]


def _host_memory_share(s: Snapshot) -> list[Reading]:
    return [(value / s["host.memory"].total, attributes) for value, attributes in _host_memory(s)]


_MOST_INTERFACES: Final = 16
_PASSING_INTERFACES: Final = ("veth", "cali", "br-")
"""One of these per container: they come and go, and what they carry is counted elsewhere too."""


def _host_network(s: Snapshot) -> list[Reading]:
    lasting = sorted(name for name in s["host.network"] if not name.startswith(_PASSING_INTERFACES))
    return [
        (value, {"network.interface.name": name, "network.io.direction": direction})
        for name in lasting[:_MOST_INTERFACES]
        for direction, value in (
            ("transmit", s["host.network"][name].bytes_sent),
            ("receive", s["host.network"][name].bytes_recv),
        )
    ]


TABLE: Final = (
    Metric("process.cpu.time", "counter", "s", "CPU seconds spent by the process, by mode", _process_cpu),
    Metric(
        "process.cpu.utilization", "gauge", "1",
        "Share of the CPUs the process may use (affinity, cgroup quota) since the last collection", _process_cpu_share,
    ),
    Metric("process.memory.usage", "up_down_counter", "By", "Resident memory", lambda s: [(s["memory"].rss, {})]),
    Metric("process.memory.virtual", "up_down_counter", "By", "Committed memory", lambda s: [(s["memory"].vms, {})]),
    Metric("process.disk.io", "counter", "By", "Bytes the process moved to and from disk", lambda s: _io(s["disk"])),
    Metric("process.thread.count", "up_down_counter", "{thread}", "Threads", lambda s: [(s["threads"], {})]),
    Metric("process.context_switches", "counter", "{context_switch}", "Context switches, by type", _switches),
    Metric(
        "process.unix.file_descriptor.count", "up_down_counter", "{file_descriptor}", "Open file descriptors",
        lambda s: [(s["descriptors"], {})],
    ),
    Metric("process.uptime", "gauge", "s", "Time since the process started", lambda s: [(time() - s["created"], {})]),
    Metric("system.cpu.utilization", "gauge", "1", "Share of all CPUs since the last collection", _host_cpu_share),
    Metric("system.memory.usage", "up_down_counter", "By", "Memory of the host, by state", _host_memory),
    Metric("system.memory.utilization", "gauge", "1", "Share of the host's memory, by state", _host_memory_share),
    Metric("system.disk.io", "counter", "By", "Bytes to and from all disks", lambda s: _io(s["host.disk"])),
    Metric("system.network.io", "counter", "By", "Bytes through each network interface", _host_network),
)  # fmt: skip
"""Per process there is no network metric: no portable source tells one process's traffic from another's."""
