"""Readings against the machine itself: plausible, taken once, and never in the way when they cannot be had."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from groundhog_otel.resources import snapshot
from groundhog_otel.resources.limits import available_cpus
from groundhog_otel.resources.snapshot import Observer, Snapshot
from groundhog_otel.resources.table import TABLE, Metric
from tests.resources.collector import Collector, Readings, burn, measurable

_PLATFORM: Any = vars(psutil)["_psplatform"]
"""Below psutil's own caches, where a real refusal would come from."""
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")


def _by(readings: Readings, name: str, key: str) -> dict[str, float]:
    return {attributes[key]: value for value, attributes in readings[name]}


def _row(name: str) -> Metric:
    return next(metric for metric in TABLE if metric.name == name)


def test_every_metric_is_measured_here(collector: Collector) -> None:
    burn()
    assert set(collector.readings()) == measurable()


@_LINUX
def test_the_process_as_the_kernel_tells_it(collector: Collector) -> None:
    burn()
    held = [os.dup(0) for _ in range(20)]
    readings = collector.readings()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident = int(status["VmRSS"].split()[0]) * 1024
    reserved = int(status["VmSize"].split()[0]) * 1024
    assert readings["process.memory.usage"][0][0] == pytest.approx(resident, rel=0.1)
    assert readings["process.memory.virtual"][0][0] == pytest.approx(reserved, rel=0.1)
    assert readings["process.thread.count"] == [(int(status["Threads"]), {})]
    assert readings["process.unix.file_descriptor.count"][0][0] == pytest.approx(
        len(list(Path("/proc/self/fd").iterdir())), abs=3
    )
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = _by(readings, "process.cpu.time", "cpu.mode")
    assert cpu["user"] == pytest.approx(used.ru_utime, abs=0.2)
    assert cpu["system"] == pytest.approx(used.ru_stime, abs=0.2)
    switches = _by(readings, "process.context_switches", "process.context_switch.type")
    assert 0 < switches["voluntary"] <= used.ru_nvcsw
    assert 0 <= switches["involuntary"] <= used.ru_nivcsw
    faults = _by(readings, "process.paging.faults", "system.paging.fault.type")
    assert 0 < faults["minor"] <= used.ru_minflt
    assert 0 < readings["process.memory.utilization"][0][0] < 1
    for descriptor in held:
        os.close(descriptor)


@_LINUX
def test_the_host_as_the_kernel_tells_it(collector: Collector) -> None:
    burn()
    readings = collector.readings()
    meminfo = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total = int(meminfo["MemTotal"].split()[0]) * 1024
    assert readings["system.memory.limit"] == [(total, {})]
    assert sum(value for value, _ in readings["system.memory.usage"]) == total
    assert sum(value for value, _ in readings["system.memory.utilization"]) == pytest.approx(1)
    assert sum(value for value, _ in readings["system.cpu.utilization"]) == pytest.approx(1)
    idle = float(Path("/proc/stat").read_text().split()[4]) / os.sysconf("SC_CLK_TCK")
    assert _by(readings, "system.cpu.time", "cpu.mode")["idle"] == pytest.approx(idle, rel=0.01, abs=5)
    received = {
        attributes["network.interface.name"]: value
        for value, attributes in readings["system.network.io"]
        if attributes["network.io.direction"] == "receive"
    }
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, counters = line.split(":")
        if name.strip() in received:
            assert received[name.strip()] <= int(counters.split()[0])


def test_bytes_written_are_bytes_reported(collector: Collector, tmp_path: Path) -> None:
    if not hasattr(psutil.Process, "io_counters"):
        pytest.skip("this platform does not count the bytes of a process")

    def written() -> float:
        burn()
        return _by(collector.readings(), "process.disk.io", "disk.io.direction")["write"]

    before = written()
    with (tmp_path / "data").open("wb") as file:
        file.write(os.urandom(3_000_000))
        file.flush()
        os.fsync(file.fileno())
    if written() == before:
        pytest.skip("this temporary folder is not on a disk")
    assert written() - before >= 3_000_000


@_LINUX
def test_the_hosts_counters_are_the_kernels(collector: Collector) -> None:
    first = {line.split()[2]: line.split()[3:] for line in Path("/proc/diskstats").read_text().splitlines()}
    burn()
    readings = collector.readings()
    ticks = {"system.disk.operations": (0, 4, 1), "system.disk.merged": (1, 5, 1)}
    ticks |= {"system.disk.operation_time": (3, 7, 1000), "system.disk.io_time": (9, 9, 1000)}
    for metric, (read, write, unit) in ticks.items():
        for value, attributes in readings[metric]:
            before = first[attributes["system.device"]]
            column = write if attributes.get("disk.io.direction") == "write" else read
            assert int(before[column]) / unit <= value <= int(before[column]) / unit * 1.5 + 1000, metric
    meminfo = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    swap = int(meminfo["SwapTotal"].split()[0]) * 1024
    assert sum(value for value, _ in readings["system.paging.usage"]) == swap
    available = int(meminfo["MemAvailable"].split()[0]) * 1024
    assert readings["system.memory.linux.available"][0][0] == pytest.approx(available, rel=0.3)
    assert readings["system.cpu.logical.count"] == [(os.cpu_count(), {})]
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert readings["system.uptime"][0][0] == pytest.approx(uptime, abs=5)
    for name in ("system.network.packet.count", "system.network.packet.dropped", "system.network.errors"):
        assert len(readings[name]) == len(readings["system.network.io"])


def test_context_switches_are_those_of_all_threads(collector: Collector) -> None:
    def switches() -> float:
        burn()
        return _by(collector.readings(), "process.context_switches", "process.context_switch.type")["voluntary"]

    def wait() -> None:
        for _ in range(300):
            time.sleep(0.001)

    before, thread = switches(), Thread(target=wait)
    thread.start()
    thread.join()
    assert switches() - before >= 300


@_LINUX
def test_a_blocked_signal_is_pending() -> None:
    code = (
        "import os, signal\nfrom groundhog_otel.resources.kernel import process_status\nseen = [process_status()[1]]\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])\n"
        "for one in (signal.SIGUSR1, signal.SIGUSR2): os.kill(os.getpid(), one); seen.append(process_status()[1])\n"
        "print(seen)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[0, 1, 2]\n"


def test_uptime_is_the_age_of_the_process(collector: Collector) -> None:
    first = collector.readings()["process.uptime"][0][0]
    burn()
    second = collector.readings()["process.uptime"][0][0]
    assert second - first >= 0.29
    assert second == pytest.approx(time.time() - psutil.Process().create_time(), abs=1)


def test_setting_the_clock_does_not_make_the_process_older(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = collector.readings()["process.uptime"][0][0]
    monkeypatch.setattr(snapshot, "time", lambda: 4e9)
    burn()
    assert before < collector.readings()["process.uptime"][0][0] < before + 60


def test_a_busy_process_says_so(collector: Collector) -> None:
    burn()
    collector.readings()
    burn()
    shares = _by(collector.readings(), "process.cpu.utilization", "cpu.mode")
    cpus = available_cpus()
    assert 0 < shares["user"] * cpus <= 1.3  # one busy thread is at most one CPU, give or take the clock's ticks
    assert shares["user"] > shares["system"]


def test_the_share_is_of_the_time_that_passed_on_the_cpus_it_may_use() -> None:
    taken = Snapshot(
        facts={"cpu": SimpleNamespace(user=3.0, system=1.5), "cpus": 0.5},
        previous={"cpu": SimpleNamespace(user=1.0, system=1.0)},
        at_s=108.0,
        elapsed_s=8.0,
    )
    assert _row("process.cpu.utilization").read(taken) == [(0.5, {"cpu.mode": "user"}), (0.125, {"cpu.mode": "system"})]


def test_the_first_look_has_no_share_and_no_false_zero() -> None:
    shares = [metric for metric in TABLE if metric.name.endswith("cpu.utilization")]
    observer = Observer(process=True, host=True)
    first = observer.snapshot()
    for metric in shares:
        with pytest.raises(KeyError):
            metric.read(first)
    burn()
    for metric in shares:
        assert sum(value for value, _ in metric.read(observer.snapshot())) > 0


def test_one_snapshot_serves_a_collection(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    watched = [(_PLATFORM.Process, "memory_info"), (_PLATFORM.Process, "num_fds"), (psutil.Process, "oneshot")]
    watched += [(_PLATFORM, name) for name in ("cpu_times", "virtual_memory", "disk_io_counters", "net_io_counters")]
    for owner, name in watched:
        real = getattr(owner, name)

        def counting(*args: Any, _real: Any = real, _name: str = name, **kwargs: Any) -> Any:
            calls[_name] += 1
            return _real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)
    burn()
    assert set(collector.readings()) == measurable()
    assert calls == {name: 1 for _, name in watched}


_DENIABLE = [
    *((_PLATFORM.Process, name) for name in ("cpu_times", "memory_info", "num_fds")),
    *((_PLATFORM.Process, name) for name in ("io_counters",) if hasattr(_PLATFORM.Process, name)),
    *((_PLATFORM, name) for name in ("cpu_times", "virtual_memory", "disk_io_counters", "net_io_counters")),
    (_PLATFORM, "swap_memory"),
    (psutil.Process, "oneshot"),
    (psutil, "Process"),
    (resource, "getrusage"),
]


@pytest.mark.parametrize("refusal", [psutil.AccessDenied, psutil.NoSuchProcess, NotImplementedError, OSError])
@pytest.mark.parametrize(("owner", "name"), _DENIABLE, ids=lambda one: getattr(one, "__name__", one))
def test_what_cannot_be_read_is_left_out_and_costs_nothing_else(
    owner: Any, name: str, refusal: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise refusal(1)

    everything = measurable()
    caplog.set_level("DEBUG", "groundhog_otel.resources")
    monkeypatch.setattr(snapshot, "_FRESH_S", -1.0)
    monkeypatch.setattr(owner, name, refuse)
    observed = Observer(process=True, host=True)
    for _ in range(2):
        time.sleep(0.05)  # some ticks of the host's CPU clock
        taken, found = observed.snapshot(), set()
        for metric in TABLE:
            try:
                found |= {metric.name} if list(metric.read(taken)) else set()
            except KeyError:
                continue
    lost = everything - found
    if name in ("oneshot", "Process"):
        assert all(metric.startswith("process.") for metric in lost)
        assert "process.paging.faults" in found
    else:
        assert 1 <= len(lost - {"process.disk.io"} or lost) <= 6, lost
    mentions = Counter(record.getMessage() for record in caplog.records if record.name == "groundhog_otel.resources")
    assert set(mentions.values()) <= {1}, mentions


def test_limits_that_change_under_a_running_process_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_FRESH_S", -1.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0}, raising=False)
    observer = Observer(process=True, host=False)
    before = observer.snapshot()["cpus"]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set())
    assert observer.snapshot()["cpus"] == before, "they are not read every time"
    monkeypatch.setattr(snapshot, "_LIMITS_S", -1.0)
    assert observer.snapshot()["cpus"] < before


def test_readers_in_many_threads_never_take_a_share_of_no_time() -> None:
    observer, shares = Observer(process=True, host=False), []
    metric = _row("process.cpu.utilization")
    observer.snapshot()

    def read() -> None:
        burn()
        shares.append(sum(value for value, _ in metric.read(observer.snapshot())))

    threads = [Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shares) == 8
    assert all(0 <= share < 1.3 for share in shares)
