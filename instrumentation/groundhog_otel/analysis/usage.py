"""What each process used over the run: CPU, memory, disk; and what went through the host's network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groundhog_otel.analysis.sums import per_second, summed
from groundhog_otel.store.model import Point, Process, Series

__all__ = ("Counted", "HostTraffic", "Statistic", "Usage", "host_traffic", "usage")


@dataclass(frozen=True, slots=True)
class Statistic:
    """A quantity over the run, in its metric's unit."""

    min: float
    avg: float
    """The mean of what was observed, at even intervals."""
    max: float
    last: float


@dataclass(frozen=True, slots=True)
class Counted:
    """A quantity that only grows."""

    total: float
    per_s: Statistic | None
    """Between one observation and the next; None when there was only one."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One process over the run. None is what it did not report."""

    process: Process
    observed_s: float
    """Seconds from the first to the last observation."""
    cpu_share: Statistic | None
    """Of the CPUs the process may use, 0 to 1."""
    cpu_s: float | None
    memory_bytes: Statistic | None
    disk_read_bytes: Counted | None
    disk_written_bytes: Counted | None


@dataclass(frozen=True, slots=True)
class HostTraffic:
    """What went through one network interface of the host, whoever it was for."""

    interface: str
    observer: Process
    observed_s: float
    received_bytes: Counted
    sent_bytes: Counted


def usage(series: Iterable[Series]) -> tuple[Usage, ...]:
    """Return what each process reports about itself (``process.*``)."""
    by_process: dict[Process, list[Series]] = {}
    for one in series:
        if one.name.startswith("process."):
            by_process.setdefault(one.process, []).append(one)
    return tuple(_usage(process, by_process[process]) for process in sorted(by_process, key=_order))


def host_traffic(series: Iterable[Series]) -> tuple[HostTraffic, ...]:
    """Return the traffic of each interface that carried any, as the process saw it that watched for longest."""
    by_process: dict[Process, list[Series]] = {}
    for one in series:
        if one.name == "system.network.io":
            by_process.setdefault(one.process, []).append(one)
    if not by_process:
        return ()
    observer = max(sorted(by_process, key=_order), key=lambda process: _observed_s(by_process[process]))
    seen = by_process[observer]
    found = []
    for interface in sorted({str(one.attributes.get("network.interface.name", "")) for one in seen}):
        own = [one for one in seen if one.attributes.get("network.interface.name", "") == interface]
        received = _counted(summed(own, {"network.io.direction": "receive"}), from_zero=False)
        sent = _counted(summed(own, {"network.io.direction": "transmit"}), from_zero=False)
        if received is not None and sent is not None and received.total + sent.total > 0:
            found.append(HostTraffic(interface, observer, _observed_s(seen), received, sent))
    return tuple(found)


def _usage(process: Process, series: Sequence[Series]) -> Usage:
    def named(name: str) -> list[Series]:
        return [one for one in series if one.name == name]

    cpu_time = summed(named("process.cpu.time"))
    disk = named("process.disk.io")
    return Usage(
        process=process,
        observed_s=_observed_s(series),
        cpu_share=_statistic([point.value for point in summed(named("process.cpu.utilization"))]),
        cpu_s=cpu_time[-1].value if cpu_time else None,
        memory_bytes=_statistic([point.value for point in summed(named("process.memory.usage"))]),
        disk_read_bytes=_counted(summed(disk, {"disk.io.direction": "read"})),
        disk_written_bytes=_counted(summed(disk, {"disk.io.direction": "write"})),
    )


def _counted(points: Sequence[Point], *, from_zero: bool = True) -> Counted | None:
    """Sum up a counter, which a process starts at zero and a host has been counting since its boot."""
    if not points:
        return None
    rates = [point.value for point in per_second(points)]
    return Counted(max(points[-1].value - (0.0 if from_zero else points[0].value), 0.0), _statistic(rates))


def _statistic(values: Sequence[float]) -> Statistic | None:
    if not values:
        return None
    return Statistic(min(values), sum(values) / len(values), max(values), values[-1])


def _observed_s(series: Iterable[Series]) -> float:
    times = [point.time_ns for one in series for point in one.points]
    return (max(times) - min(times)) / 1e9 if times else 0.0


def _order(process: Process) -> tuple[str, int]:
    return process.service, process.pid or 0
