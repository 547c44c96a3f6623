"""Whatever strangers do, series and memory stay flat."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import groundhog_otel
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.settings import McpSettings
from tests.support import sdk

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
_MOST_SERIES = 60
_MOST_BYTES = 25_000
"""Of our own allocations, net of what a first round leaves in caches. Hundreds of anything kept would be more."""


async def _names(session: Any, first: int, count: int) -> None:
    for number in range(first, first + count):
        await session.call_tool(f"stranger-{number}", {})


async def _cancelled(session: Any, _first: int, count: int) -> None:
    for _ in range(count):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_until_cancelled, session)
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        assert not scope.cancelled_caught


async def _until_cancelled(session: Any) -> None:
    await session.call_tool("nap", {"seconds": 0.5})


async def _quiet() -> None:
    """Wait for the handlers whose callers have left: mcp 1.x does not tell a server that it need not go on."""
    with anyio.fail_after(30):
        while IN_FLIGHT:  # noqa: ASYNC110 - nobody announces it
            await anyio.sleep(0.05)


async def _sessions(_session: Any, _first: int, count: int) -> None:
    for _ in range(count):
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.send_ping()


def _series(reader: InMemoryMetricReader) -> int:
    data = reader.get_metrics_data()
    assert data is not None
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def _ours() -> int:
    """Return the bytes that code of ours has allocated and not given back."""
    gc.collect()
    if not IN_FLIGHT:
        IN_FLIGHT.clear()  # a set keeps the room for the most that it ever held, which is the machine's affair
    folder = groundhog_otel.__path__[0]
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, f"{folder}/*")])
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


async def _timed_out(session: Any, _first: int, count: int) -> None:
    limit: Any = 0.001 if sdk.IS_V2 else timedelta(seconds=0.001)
    for _ in range(count):
        with pytest.raises(Exception, match=r"(?i)timed out"):
            await session.call_tool("nap", {"seconds": 0.02}, read_timeout_seconds=limit)


_STORMS = [_names, _cancelled, _timed_out, _sessions]


@pytest.mark.parametrize("storm", _STORMS)
async def test_a_storm_leaves_nothing_behind(storm: Callable[[Any, int, int], Awaitable[None]]) -> None:
    await _weathered(storm, 30 if storm is _sessions else 500)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("storm", _STORMS)
async def test_ten_thousand_leave_nothing_behind(storm: Callable[[Any, int, int], Awaitable[None]]) -> None:
    await _weathered(storm, 10_000)


async def _weathered(storm: Callable[[Any, int, int], Awaitable[None]], count: int) -> None:
    if storm is _cancelled and sdk.VERSION < (1, 12):
        pytest.skip("in mcp 1.10 a cancelled request takes the whole server down, watched or not")
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    instrumentor = McpInstrumentor()
    instrumentor.instrument(
        tracer_provider=TracerProvider(shutdown_on_exit=False), meter_provider=provider, settings=McpSettings()
    )
    try:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.list_tools()
            await storm(session, 0, max(10, count // 10))
            tracemalloc.start()
            try:
                await storm(session, count, count // 10)
                await _quiet()
                before = _ours()
                await storm(session, 3 * count, count)
                await _quiet()
                assert _ours() - before < _MOST_BYTES
            finally:
                tracemalloc.stop()
            assert _series(reader) <= _MOST_SERIES
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
    assert not IN_FLIGHT
    assert trace.get_current_span() is trace.INVALID_SPAN
