from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from groundhog_otel.load.scaling.resources import ResourceSampler, Sample, use

_BURN = "import time; end = time.process_time() + {cpu_s}\nwhile time.process_time() < end: pass\n"
_WAIT = "print('burnt', flush=True)\nimport sys; sys.stdin.read()"
_PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {_BURN.format(cpu_s=0.3) + _WAIT!r}])
open(sys.argv[1], "wb").write(bytes(3_000_000))
sys.stdin.read()
"""


@contextmanager
def _started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_process_and_its_children_are_seen(tmp_path: os.PathLike[str]) -> None:
    pids: list[int] = []
    with (
        ResourceSampler(lambda: pids, interval_s=0.02) as sampler,
        _started(_PARENT, os.fspath(tmp_path) + "/file") as process,
    ):
        pids.append(process.pid)
        assert process.stdout is not None
        assert process.stdout.readline() == "burnt\n"
        while sampler.samples[-1].processes < 2:
            time.sleep(0.02)
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        while sampler.samples[-1].processes:  # the child ends by itself, soon after its parent
            time.sleep(0.02)
    samples = [one for one in sampler.samples if one.cpu_s is not None]
    assert samples[-1].cpu_s is not None
    assert samples[-1].cpu_s >= 0.2  # 0.3 s by the child's own clock; the kernel counts in hundredths
    assert max(one.memory_bytes or 0 for one in samples) > 1_000_000
    assert [one.cpu_s for one in samples] == sorted(one.cpu_s for one in samples if one.cpu_s is not None)
    # Of what is alive: once the parent has ended, it is what the child has written, which is nothing.
    alive = [one for one in samples if one.processes == 2]
    written = [one.disk_written_bytes for one in alive if one.disk_written_bytes is not None]
    assert not written or written == sorted(written)


def test_what_a_process_used_before_does_not_count() -> None:
    with _started(_BURN.format(cpu_s=0.3) + _WAIT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = sum(psutil.Process(process.pid).cpu_times()[:2])
        with ResourceSampler(lambda: [process.pid], interval_s=0.02) as sampler:
            time.sleep(0.1)
    assert before > 0.25
    assert sampler.samples[0].cpu_s == 0
    assert sampler.samples[-2].cpu_s is not None
    assert sampler.samples[-2].cpu_s < 0.2


def test_nothing_is_known_of_no_process_and_of_one_that_is_gone() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pids in ((), (gone.pid,)):
        with ResourceSampler(lambda pids=pids: pids, interval_s=0.01) as sampler:  # type: ignore[misc]
            time.sleep(0.03)
        first = sampler.samples[0]
        assert (first.processes, first.cpu_s, first.memory_bytes, first.disk_read_bytes) == (0, None, None, None)
        assert use(sampler.samples, 0, time.time_ns()).cpu_cores is None


def test_what_ended_meanwhile_is_still_counted() -> None:
    pids: list[int] = []
    with ResourceSampler(lambda: pids, interval_s=0.01) as sampler:
        with _started(_BURN.format(cpu_s=0.2) + _WAIT) as process:
            pids.append(process.pid)
            assert process.stdout is not None
            process.stdout.readline()
            while (sampler.samples[-1].cpu_s or 0) < 0.1:
                time.sleep(0.01)
        while sampler.samples[-1].processes:
            time.sleep(0.01)
    assert sampler.samples[-1].cpu_s is not None
    assert sampler.samples[-1].cpu_s >= 0.1


def test_what_passes_through_the_hosts_networks_is_seen() -> None:
    sent = 8_000_000
    near, far = _loopback()
    with near, far, ResourceSampler(lambda: [os.getpid()], interval_s=0.01) as sampler:
        thread = threading.Thread(target=near.sendall, args=(bytes(sent),))
        thread.start()
        read = 0
        while read < sent:
            read += len(far.recv(1 << 20))
        thread.join()
        time.sleep(0.05)
    counted = [one.network_bytes for one in sampler.samples if one.network_bytes is not None]
    if not counted:
        pytest.skip("the host's networks may not be read here")
    assert counted[-1] - counted[0] >= sent
    found = use(sampler.samples, sampler.samples[0].time_ns, sampler.samples[-1].time_ns).network_bytes_per_s
    assert found is not None
    assert found > 0


def _loopback() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        return near, listening.accept()[0]


def test_what_may_not_be_read_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_arguments: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "io_counters", denied)
    monkeypatch.setattr(psutil, "net_io_counters", _raising(OSError("no /proc/net")))
    with ResourceSampler(lambda: [os.getpid()], interval_s=0.01) as sampler:
        time.sleep(0.03)
    assert sampler.samples[-1].disk_read_bytes is None
    assert sampler.samples[-1].network_bytes is None
    assert sampler.samples[-1].memory_bytes is not None


def _raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def test_use_is_between_two_instants() -> None:
    samples = [
        Sample(second * 10**9, 1, second * 0.5, 100 + second, second * 10, second * 20, None) for second in range(10)
    ]
    found = use(samples, 2 * 10**9, 6 * 10**9)
    assert (found.cpu_cores, found.memory_bytes, found.disk_bytes_per_s) == (0.5, 106, 30.0)
    assert found.network_bytes_per_s is None
    assert use(samples, 20 * 10**9, 30 * 10**9).cpu_cores is None
