"""anyio's worker threads: their limit, who is in them, who waits for one."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from tests.resources.collector import Collector
from tests.support import sdk
from tests.support.telemetry import Capture

pytestmark = pytest.mark.anyio

HOLD_S = 0.3


async def test_a_full_house_and_how_long_the_rest_waits(collector: Collector) -> None:
    server = sdk.make_server()
    release = threading.Event()

    @server.tool()
    async def hold() -> str:
        await anyio.to_thread.run_sync(release.wait, 30)
        return "done"

    async with sdk.in_memory(server) as session:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(session.call_tool, "hold", {})
            await anyio.sleep(HOLD_S * 3)
            busy = _threads(collector)
            release.set()
        idle = _threads(collector)
    assert busy == {"limit": 1, "in_use": 1, "waiting": 2}
    assert idle == {"limit": 1, "in_use": 0, "waiting": 0}
    (point,) = collector.points("groundhog.worker_threads.wait")
    assert point.count == 3
    assert point.min < HOLD_S <= point.max < 30


def _threads(collector: Collector) -> dict[str, float]:
    prefix = "groundhog.worker_threads."
    return {
        name.removeprefix(prefix): points[0][0]
        for name, points in collector.readings().items()
        if name.startswith(prefix) and points
    }


async def test_results_exceptions_arguments_and_refusals_are_the_functions_own(collector: Collector) -> None:
    run_sync: Any = anyio.to_thread.run_sync
    marker = object()
    error = KeyError("mine")

    def fail(_argument: object) -> None:
        raise error

    assert await run_sync(lambda *args: args, marker, 2) == (marker, 2)
    assert await run_sync(lambda: marker, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)) is marker
    with pytest.raises(KeyError) as caught:
        await run_sync(fail, 1)
    assert caught.value is error
    for mistake in ((), (None,)):
        with pytest.raises(TypeError):
            await run_sync(*mistake)
    with pytest.raises(TypeError):
        await run_sync(fail, nonsense=1)
    (point,) = collector.points("groundhog.worker_threads.wait")
    assert point.count == 3


async def test_who_has_waited_for_a_thread_says_so_on_its_span(capture: Capture) -> None:
    server = sdk.make_server()

    @server.tool()
    async def hold() -> str:
        limiter = anyio.CapacityLimiter(1)
        with trace.get_tracer("t", tracer_provider=capture.tracer_provider).start_as_current_span("inner"):
            async with anyio.create_task_group() as tasks:
                for _ in range(2):
                    tasks.start_soon(partial(anyio.to_thread.run_sync, time.sleep, HOLD_S, limiter=limiter))
        await anyio.to_thread.run_sync(int)
        return "done"

    async with sdk.in_memory(server) as session:
        await session.call_tool("hold", {})
    inner = capture.one(SpanKind.INTERNAL, "inner")
    told = [event for event in inner.events if event.name == "groundhog.worker_threads.waited"]
    waits = [cast("float", (event.attributes or {})["groundhog.worker_threads.wait"]) for event in told]
    assert max(waits) > HOLD_S / 2
    longest = told[waits.index(max(waits))]
    assert inner.start_time is not None
    assert longest.timestamp - max(waits) * 1e9 > inner.start_time - 1e6, "it ends when the wait does"
    every = [event for span in capture.spans() for event in span.events if event.name.endswith(".waited")]
    assert all(cast("float", (event.attributes or {})["groundhog.worker_threads.wait"]) > 0.001 for event in every)


async def test_a_wait_outside_of_any_span_is_measured_only(collector: Collector) -> None:
    limiter = anyio.CapacityLimiter(1)
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(partial(anyio.to_thread.run_sync, time.sleep, HOLD_S, limiter=limiter))
    (point,) = collector.points("groundhog.worker_threads.wait")
    assert (point.count, point.max > HOLD_S / 2) == (2, True)
