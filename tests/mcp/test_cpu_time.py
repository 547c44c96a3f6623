"""Whose CPU time it is: that of the steps and the worker threads of one operation, and of no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.mcp.cpu_time import _Meter, _Steps
from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.profiling.memory.marks import Marks
from groundhog_otel.runtime import RuntimeInstrumentor
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import Capture, attributes, capturing

pytestmark = pytest.mark.anyio
SERVER = SpanKind.SERVER
DETAILED = McpSettings(detail=True)
BURN_S = 0.05


def burn(seconds: float = BURN_S) -> None:
    """Use up CPU time of the current thread, by its own clock."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def _server() -> Any:
    server = sdk.make_server()

    async def inline() -> str:
        burn()
        await anyio.sleep(0.01)
        burn()
        return "done"

    async def in_thread() -> str:
        await anyio.to_thread.run_sync(burn)
        await asyncio.to_thread(burn, seconds=BURN_S)
        return "done"

    def sync() -> str:
        burn()
        burn()
        return "done"

    async def failing() -> str:
        burn()
        burn()
        raise ValueError(sdk.SECRET)

    for tool in (inline, in_thread, sync, failing):
        server.tool()(tool)
    return server


def _cpu_s(capture: Capture, tool: str) -> float:
    found = attributes(capture.one(SERVER, f"tools/call {tool}"))[semconv.CPU_TIME]
    assert isinstance(found, float)
    return found


@pytest.mark.parametrize("tool", ["inline", "in_thread", "sync", "failing"])
async def test_what_a_tool_burns_is_counted_wherever_it_does(tool: str) -> None:
    with capturing(DETAILED) as capture:
        async with sdk.in_memory(_server()) as session:
            before = time.process_time()
            await session.call_tool(tool, {})
            used_s = time.process_time() - before
    assert 2 * BURN_S <= _cpu_s(capture, tool) <= used_s
    client = attributes(capture.one(SpanKind.CLIENT, f"tools/call {tool}"))
    assert semconv.CPU_TIME not in client, "a client waits"


async def test_a_call_lasts_as_long_as_it_computes_and_is_kept_from_it() -> None:
    with capturing(DETAILED) as capture:
        async with sdk.in_memory(_server()) as session:
            await session.call_tool("failing", {})
    span = capture.one(SERVER, "tools/call failing")
    assert span.start_time is not None
    assert span.end_time is not None
    delay_s = attributes(span).get(semconv.CPU_DELAY, 0.0)
    assert _cpu_s(capture, "failing") + delay_s <= (span.end_time - span.start_time) / 1e9 * 1.02


async def test_it_is_not_that_of_others_in_the_same_loop() -> None:
    """The loop is busy for as long as the call lasts: with somebody else's."""
    with capturing(DETAILED) as capture:
        async with sdk.in_memory(_server()) as session, anyio.create_task_group() as calls:
            calls.start_soon(session.call_tool, "nap", {"seconds": 4 * BURN_S})
            await anyio.sleep(BURN_S)
            await session.call_tool("inline", {})
            await session.call_tool("in_thread", {})
    nap = capture.one(SERVER, "tools/call nap")
    assert nap.start_time is not None
    assert nap.end_time is not None
    assert _cpu_s(capture, "nap") < BURN_S
    assert _cpu_s(capture, "inline") >= 2 * BURN_S


async def test_everything_is_put_back() -> None:
    before = anyio.to_thread.run_sync, asyncio.to_thread, asyncio.threads.to_thread
    with capturing(DETAILED):
        assert anyio.to_thread.run_sync is not before[0]
        assert asyncio.to_thread is not before[1]
        assert len(AROUND) == 1
    assert (anyio.to_thread.run_sync, asyncio.to_thread, asyncio.threads.to_thread) == before
    assert not AROUND


async def test_beside_the_runtime_and_the_memory_profiler(caplog: pytest.LogCaptureFixture) -> None:
    marks, runtime = Marks(), RuntimeInstrumentor()
    with capturing(DETAILED) as capture:
        runtime.instrument(meter_provider=capture.meter_provider)
        marks.start()
        try:
            async with sdk.in_memory(_server()) as session:
                await session.call_tool("in_thread", {})
        finally:
            marks.stop()
            runtime.uninstrument()
    assert _cpu_s(capture, "in_thread") >= 2 * BURN_S
    assert not caplog.records


async def _handled(log: list[str]) -> str:
    """Deal with cancellation as a careful handler does: clean up, which takes a moment, and go."""
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        log.append("cleaned up")
        raise
    return "never"


async def _swallowed(log: list[str]) -> str:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        log.append("not now")
    return "on"


async def _raised(_log: list[str]) -> str:
    await asyncio.sleep(0)
    raise KeyError("x")


async def _stopped(_log: list[str]) -> str:
    raise StopAsyncIteration


async def _timed_out(log: list[str]) -> str:
    with anyio.move_on_after(0.01):
        await anyio.sleep(30)
    log.append("timed out")
    return "after"


async def _outcome(awaited: Callable[[list[str]], Awaitable[str]]) -> list[str]:
    log: list[str] = []

    async def run() -> str:
        return await awaited(log)

    task = asyncio.create_task(run())
    for _ in range(3):
        await asyncio.sleep(0)
    if awaited.__name__ in {"_handled", "_swallowed"}:
        task.cancel()
    try:
        log.append(await task)
    except BaseException as exc:
        log.append(f"{exc!r} {exc.__cause__!r}")
    log.append(str(task.cancelled()))
    return log


@pytest.mark.parametrize("handler", [_handled, _swallowed, _raised, _stopped, _timed_out])
async def test_a_handler_whose_steps_are_timed_goes_the_same_way(
    handler: Callable[[list[str]], Awaitable[str]],
) -> None:
    async def timed(log: list[str]) -> str:
        result: str = await _Steps(handler(log), _Meter())
        return result

    timed.__name__ = handler.__name__
    assert await _outcome(timed) == await _outcome(handler)


async def test_what_is_no_coroutine_can_be_awaited_too() -> None:
    class Awaited:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    assert await _Steps(Awaited(), _Meter()) == "awaited"
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, "set")
    assert await _Steps(future, _Meter()) == "set"


async def test_one_that_is_thrown_away_is_closed() -> None:
    closed: list[bool] = []

    async def handler() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            closed.append(True)

    async def run() -> None:
        await _Steps(handler(), _Meter())

    coroutine = run()
    coroutine.send(None)
    coroutine.close()
    assert closed == [True]
