"""Hearts and the watchdog: they start with the first operation, stop after the last, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from weakref import ref

import anyio
import pytest
from opentelemetry.metrics import NoOpMeterProvider

from groundhog_otel.mcp.inflight import ON_BEGIN
from groundhog_otel.runtime import RuntimeInstrumentor, loops
from groundhog_otel.settings import RuntimeSettings
from tests.resources.collector import Collector
from tests.support import sdk
from tests.support.telemetry import capturing

LAG = "groundhog.event_loop.lag"


def _beating() -> dict[asyncio.AbstractEventLoop, Any]:
    parts = RuntimeInstrumentor()._parts
    assert parts is not None
    return parts.hearts.beating


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "groundhog-watchdog"]


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    make: Callable[[], asyncio.AbstractEventLoop]
    make = asyncio.new_event_loop if request.param == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    return make


@pytest.mark.anyio
async def test_it_beats_while_operations_are_under_way_and_then_stops(collector: Collector) -> None:
    assert not _beating()
    async with sdk.in_memory(sdk.make_server()) as session:
        started = time.monotonic()
        await session.call_tool("nap", {"seconds": 1})
        assert list(_beating()) == [asyncio.get_running_loop()]
        while _beating():
            await anyio.sleep(0.02)
            assert time.monotonic() - started < 20, "a heart beats on without operations"
        elapsed_s = time.monotonic() - started
        (first,) = collector.points(LAG)
        assert 2 <= first.count <= elapsed_s / 0.05 + 1
        await anyio.sleep(0.3)
        (idle,) = collector.points(LAG)
        assert idle.count == first.count
        await session.call_tool("nap", {"seconds": 0.2})
        (again,) = collector.points(LAG)
        assert again.count > idle.count
    assert len(_watchdogs()) == 1


@pytest.mark.anyio
async def test_it_beats_slowly_for_those_that_wait_for_long(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "_PATIENCE", 4)
    async with sdk.in_memory(sdk.make_server()) as session, anyio.create_task_group() as tasks:
        tasks.start_soon(session.call_tool, "nap", {"seconds": 30})
        await anyio.sleep(2.5)
        (slow,) = collector.points(LAG)
        assert slow.count < 2.5 / 0.05 / 3
        await session.call_tool("nap", {"seconds": 0.15})
        (hurried,) = collector.points(LAG)
        assert hurried.count > slow.count
        tasks.cancel_scope.cancel()


def _leave_behind(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop in which an operation begins, and stop it while that is under way."""

    async def work() -> None:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("nap", {"seconds": 60})

    async def first() -> None:
        loop.create_task(work()).add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(0.5)
        assert _beating()

    loop.run_until_complete(first())


def _drop(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_a_loop_that_was_stopped_is_not_late(
    collector: Collector, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    loop = new_loop()
    _leave_behind(loop)
    time.sleep(1.5)
    loop.run_until_complete(asyncio.sleep(0.1))
    _drop(loop)
    (point,) = collector.points(LAG)
    assert point.max < 1.2
    assert not [point for point in collector.points("groundhog.event_loop.blocked") if point.max > 1.2]


def test_a_closed_loop_is_let_go(collector: Collector, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    loop = new_loop()
    _leave_behind(loop)
    _drop(loop)
    assert _soon(lambda: not _beating())
    known = ref(loop)
    del loop

    def gone() -> bool:
        gc.collect()
        return known() is None

    assert _soon(gone)


def test_uninstrument_puts_everything_back(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    to_thread = importlib.import_module("anyio.to_thread")
    before = list(gc.callbacks), to_thread.run_sync, list(ON_BEGIN), len(_watchdogs())
    instrumentor = RuntimeInstrumentor()
    found = Collector()

    async def work() -> None:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("nap", {"seconds": 0.1})

    for _ in range(2):
        with capturing():
            instrumentor.instrument(meter_provider=found.provider, settings=RuntimeSettings())
            assert (len(gc.callbacks), len(ON_BEGIN)) == (len(before[0]) + 1, 2)
            assert to_thread.run_sync is not before[1]
            loop = new_loop()
            loop.run_until_complete(work())
            loop.close()
            assert {LAG, "cpython.gc.collections"} <= {metric.name for metric in found.metrics()}
            instrumentor.uninstrument()
        assert _soon(lambda: len(_watchdogs()) == before[3])
        assert (gc.callbacks, to_thread.run_sync, ON_BEGIN, len(_watchdogs())) == before
        assert "cpython.gc.collections" not in found.readings()


class _Broken:
    """A meter whose measurements all fail."""

    def record(self, *_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("nothing can be measured today")


@pytest.mark.anyio
async def test_a_failure_of_ours_is_said_once_and_the_calls_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Meter(NoOpMeterProvider):
        def get_meter(self, *args: Any, **kwargs: Any) -> Any:
            meter = super().get_meter(*args, **kwargs)
            monkeypatch.setattr(meter, "create_histogram", lambda *_args, **_kwargs: _Broken())
            return meter

    instrumentor = RuntimeInstrumentor()
    with capturing(failing=True):
        instrumentor.instrument(meter_provider=Meter(), settings=RuntimeSettings())
        try:
            async with sdk.in_memory(sdk.make_server()) as session:
                for _ in range(3):
                    result = await session.call_tool("nap", {"seconds": 0.2})
                    assert result.model_dump(by_alias=True)["isError"] is False
            to_thread = importlib.import_module("anyio.to_thread")
            assert await to_thread.run_sync(lambda: 3) == 3
        finally:
            instrumentor.uninstrument()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sorted(said) == [
        "telemetry failed in event loop; the MCP call goes on without it",
        "telemetry failed in worker threads; the MCP call goes on without it",
    ]


def test_what_is_watched_can_be_chosen() -> None:
    found = Collector()
    instrumentor = RuntimeInstrumentor()
    for part, listeners in (("gc", 0), ("requests", 0), ("worker_threads", 1), ("event_loop", 1)):
        instrumentor.instrument(meter_provider=found.provider, settings=RuntimeSettings(parts=frozenset({part})))
        assert ("cpython.gc.collections" in found.readings()) == (part == "gc")
        assert len(ON_BEGIN) == listeners
        instrumentor.uninstrument()
    instrumentor.instrument(meter_provider=found.provider, settings=RuntimeSettings(parts=frozenset()))
    assert instrumentor._parts is None
    instrumentor.uninstrument()
