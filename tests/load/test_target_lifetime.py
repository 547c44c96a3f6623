"""Servers end with the program that started them, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.support.processes import ROOT, environment

OPEN = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from groundhog_otel.load.targets import target_for

target = target_for([sys.executable, "-W", "ignore", "-m", "tests.load.sample", "{kind}"])

opened = asyncio.Event()

async def hold():
    async with target.open():
        print(*target.server_pids(), flush=True)
        opened.set()
        await asyncio.sleep(60)

"""
ENDS = {
    "interrupt": "asyncio.run(hold())",
    "forgets": """
loop = asyncio.new_event_loop()
task = loop.create_task(hold())
loop.run_until_complete(opened.wait())
sys.stdin.readline()
""",
    "exits": """
async def leave():
    task = asyncio.create_task(hold())
    await opened.wait()
    sys.stdin.readline()
    sys.exit(3)

asyncio.run(leave())
""",
}


@pytest.mark.parametrize("kind", ["sample", "stubborn"])
@pytest.mark.parametrize("way", ENDS)
def test_no_server_outlives_the_program_that_started_it(way: str, kind: str) -> None:
    program = OPEN.replace("{kind}", kind) + ENDS[way]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        (pid,) = process.stdout.readline().split()
        server = psutil.Process(int(pid))
        started = [server, *server.children(recursive=True)]
        assert len(started) == (2 if kind == "stubborn" else 1)
        if way == "interrupt":
            process.send_signal(signal.SIGINT)
        process.communicate("go on\n", timeout=40)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(_alive(one) for one in started):
            time.sleep(0.05)
        assert not [one for one in started if _alive(one)]
    finally:
        process.kill()
        process.communicate()


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
