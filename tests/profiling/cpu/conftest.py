"""Both event loops, mcp instrumented, and a server whose tools use the CPU in known shares."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import anyio.to_thread
import pytest
from opentelemetry import trace

from tests.support import sdk
from tests.support.telemetry import Capture, capturing


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture
def capture() -> Iterator[Capture]:
    with capturing() as found:
        yield found


class Work:
    """Three functions, and the CPU time that each has really used, by the clock of the thread that ran it."""

    def __init__(self) -> None:
        self.used_s: defaultdict[str, float] = defaultdict(float)

    def shares(self) -> dict[str, float]:
        return {name: 100 * used / sum(self.used_s.values()) for name, used in self.used_s.items()}

    def in_parts(self, seconds: float) -> None:
        for function, share in ((most, 0.7), (some, 0.2), (least, 0.1)):
            began = time.thread_time()
            function(seconds * share)
            self.used_s[function.__name__] += time.thread_time() - began


# Each has a loop of its own: a common one would be the innermost of all three.
def most(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(50):
            pass


def some(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(50):
            pass


def least(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(50):
            pass


def left(seconds: float) -> None:
    most(seconds)


def right(seconds: float) -> None:
    most(seconds)


async def child(spin: Callable[[float], None]) -> None:
    start = trace.get_tracer("test").start_as_current_span
    with start("outer"), start("inner"):
        for _ in range(40):
            spin(0.004)
            await asyncio.sleep(0)


async def child_left() -> None:
    await child(left)


async def child_right() -> None:
    await child(right)


def make_server(work: Work) -> Any:
    server = sdk.make_server()

    @server.tool()
    async def mixed(rounds: int, seconds: float, pause_s: float) -> str:
        for _ in range(rounds):
            work.in_parts(seconds)
            if pause_s:
                await asyncio.sleep(pause_s)
        return "done"

    @server.tool()
    def threaded(rounds: int, seconds: float) -> str:
        for _ in range(rounds):
            work.in_parts(seconds)
        return "done"

    @server.tool()
    async def lefty(rounds: int) -> str:
        for _ in range(rounds):
            left(0.004)
            await asyncio.sleep(0)
        return "done"

    @server.tool()
    async def righty(rounds: int) -> str:
        for _ in range(rounds):
            right(0.004)
            await asyncio.sleep(0)
        return "done"

    @server.tool()
    async def left_family() -> str:
        await asyncio.gather(child_left(), child_left())
        return "done"

    @server.tool()
    async def right_family() -> str:
        await asyncio.gather(child_right(), child_right())
        return "done"

    @server.tool()
    async def left_threads() -> str:
        await asyncio.gather(
            asyncio.to_thread(left, 0.15), anyio.to_thread.run_sync(left, 0.15), anyio.to_thread.run_sync(left, 0.15)
        )
        return "done"

    @server.tool()
    async def right_threads() -> str:
        await asyncio.gather(
            asyncio.to_thread(right, 0.15), anyio.to_thread.run_sync(right, 0.15), asyncio.to_thread(right, 0.15)
        )
        return "done"

    @server.tool()
    async def sleeper(seconds: float) -> str:
        time.sleep(seconds)  # noqa: ASYNC251 - the mistake under test
        return "done"

    return server


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def server(work: Work) -> Any:
    return make_server(work)
