"""How long a thread waits for a CPU, by the kernel's account: each thread's own, and a forked child's too."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundhog_otel.mcp import run_queue
from groundhog_otel.mcp.run_queue import delay_ns, own_account

pytestmark = pytest.mark.skipif(not Path(run_queue._FILE).exists(), reason="the kernel keeps no such account")

_BUSY = "while True: pass"
_FORKED = """
import os, threading
from groundhog_otel.mcp.run_queue import _FILE, own_account

def told(account):
    return os.readlink(f"/proc/self/fd/{account}")

mine = told(own_account())
pid = os.fork()
if pid == 0:
    assert told(own_account()) == f"/proc/{os.getpid()}/task/{threading.get_native_id()}/schedstat", told(own_account())
    os._exit(0)
assert mine == f"/proc/{os.getpid()}/task/{threading.get_native_id()}/schedstat", mine
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.fixture
def _rival() -> Iterator[None]:
    """Another process on the only CPU that both may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    rival = subprocess.Popen([sys.executable, "-c", _BUSY])
    yield
    rival.kill()
    rival.wait()
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("_rival")
def test_who_shares_a_cpu_waits_for_it() -> None:
    account, begun = own_account(), time.thread_time()
    before, deadline = delay_ns(account), time.monotonic() + 30
    while delay_ns(account) - before < 50_000_000:
        assert time.monotonic() < deadline, "two that compute on one CPU, and neither waits"
    assert time.thread_time() > begun


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_each_thread_has_its_own_and_leaves_nothing_behind() -> None:
    found: list[int | None] = []
    mine = own_account()

    def look() -> None:
        found.append(own_account())
        found.append(own_account())

    before = _open_files()
    for _ in range(20):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert _open_files() <= before + 1
    assert None not in found
    assert mine not in found
    assert found[0] == found[1]


def test_a_forked_child_reads_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", _FORKED], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("account", [None, 10**6])
def test_without_an_account_there_is_no_delay(account: int | None) -> None:
    assert delay_ns(account) == 0


def test_a_file_that_says_something_else_is_no_account(tmp_path: Path) -> None:
    file = tmp_path / "schedstat"
    file.write_text("what?\n")
    number = os.open(file, os.O_RDONLY)
    try:
        assert delay_ns(number) == 0
    finally:
        os.close(number)


def test_where_there_is_no_such_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_queue, "_FILE", "/proc/no-such-file")
    monkeypatch.setattr(run_queue, "_own", run_queue._OwnFile())
    assert own_account() is None
