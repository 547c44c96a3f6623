"""The metrics of the process: one row each."""

from __future__ import annotations

from typing import Any, Final

from groundhog_otel.resources.metric import Metric, Reading, one, since
from groundhog_otel.resources.snapshot import Snapshot

__all__ = ("PROCESS",)


def _process_cpu(times: Any) -> list[Reading]:
    return [(times.user, {"cpu.mode": "user"}), (times.system, {"cpu.mode": "system"})]


def _process_cpu_share(s: Snapshot) -> list[Reading]:
    available = s.elapsed_s * s["cpus"]
    return [(spent / available, mode) for spent, mode in since(_process_cpu(s["cpu"]), _process_cpu(s.previous["cpu"]))]


def _disk_io(s: Snapshot) -> list[Reading]:
    counters = s["disk"]
    return [
        (counters.read_bytes, {"disk.io.direction": "read"}),
        (counters.write_bytes, {"disk.io.direction": "write"}),
    ]


def _switches(s: Snapshot) -> list[Reading]:
    """Of all threads, as ``getrusage`` has it; ``/proc`` and psutil tell those of the main thread only."""
    key, usage = "process.context_switch.type", s.facts.get("usage")
    if usage is not None:
        return [(usage.ru_nvcsw, {key: "voluntary"}), (usage.ru_nivcsw, {key: "involuntary"})]
    switches = s["switches"]
    return [(switches.voluntary, {key: "voluntary"}), (switches.involuntary, {key: "involuntary"})]


def _threads(s: Snapshot) -> list[Reading]:
    status = s.facts.get("status")
    return one(s["threads"] if status is None else status.threads)


def _faults(s: Snapshot) -> list[Reading]:
    key, usage = "system.paging.fault.type", s["usage"]
    return [(usage.ru_majflt, {key: "major"}), (usage.ru_minflt, {key: "minor"})]


_MODE: Final = ("cpu.mode",)

PROCESS: Final = (
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
        "Physical memory the process holds", lambda s: one(s["memory"].rss),
    ),
    Metric(
        "process.memory.virtual", "up_down_counter", "By", (),
        "Virtual memory the process has reserved", lambda s: one(s["memory"].vms),
    ),
    Metric(
        "process.memory.utilization", "gauge", "1", (),
        "Physical memory the process holds, as a share of what it may have (the machine's, or its cgroup's limit)",
        lambda s: one(s["memory"].rss / s["memory_limit"]),
    ),
    Metric(
        "process.disk.io", "counter", "By", ("disk.io.direction",),
        "Bytes the process moved to and from disks", _disk_io,
    ),
    Metric(
        "process.thread.count", "up_down_counter", "{thread}", (),
        "Threads of the process, those of native code too", _threads,
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
        "File descriptors the process has open", lambda s: one(s["descriptors"]),
    ),
    Metric("process.uptime", "gauge", "s", (), "Time the process has been running", lambda s: one(s["uptime_s"])),
    Metric(
        "process.signals_pending", "up_down_counter", "{signal}", (),
        "Kinds of signals that wait for the process because it blocks them", lambda s: one(s["status"].pending_signals),
    ),
    Metric(
        "process.windows.handle.count", "up_down_counter", "{handle}", (),
        "Handles the process has open", lambda s: one(s["handles"]),
    ),
)  # fmt: skip
"""``process.network.io`` is not here: the kernel counts bytes by network namespace, never by process. Nor is
``process.disk.operations``: what psutil calls operations are system calls, whether or not they reach a disk."""
