"""``MetricCollector`` beside a real server: what it counts, stores and bounds; and that nobody notices it."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.mcp import McpInstrumentor, guard
from groundhog_otel.mcp.inflight import ON_BEGIN, ON_END
from groundhog_otel.monitor import CollectedMetrics, MetricCollector, OperationMetrics, PerformanceMonitor, files
from groundhog_otel.monitor.metrics import Key, from_json
from groundhog_otel.monitor.operations import MOST
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import capturing


@pytest.fixture
def instrumented() -> Iterator[None]:
    with capturing():
        yield


def _operation(metrics: CollectedMetrics, name: str, side: str = "server") -> OperationMetrics:
    (found,) = [one for one in metrics.operations if (one.key.name, one.key.side) == (name, side)]
    return found


async def _calls(collector: MetricCollector) -> CollectedMetrics:
    async with sdk.in_memory(sdk.make_server()) as session:
        for _ in range(4):
            await session.call_tool("add", {"a": 1, "b": 2})
        await session.call_tool("boom", {})
        nap = asyncio.create_task(session.call_tool("nap", {"seconds": 0.2}))
        await asyncio.sleep(0.05)
        under_way = await asyncio.to_thread(collector.collect_metrics)
        assert _operation(under_way, "tools/call nap").in_flight == 1
        assert under_way.in_flight == 2, "at the client, and at the server"
        assert under_way.loop_lag_s is not None
        assert 0 < under_way.loop_lag_s < math.inf
        await nap
        return await asyncio.to_thread(collector.collect_metrics)


@pytest.mark.usefixtures("instrumented")
def test_it_sees_the_operations_of_a_server_and_of_its_client() -> None:
    with MetricCollector() as collector:
        metrics = asyncio.run(_calls(collector))
    add, boom, nap = (_operation(metrics, f"tools/call {name}") for name in ("add", "boom", "nap"))
    assert (add.count, add.errors, add.state, add.precision) == (4, {}, "ok", 0.0)
    assert add.p50_s is not None
    assert add.p99_s is not None
    assert 0 < add.p50_s <= add.p99_s < 0.05
    assert (boom.count, boom.errors, boom.error_rate) == (1, {"tool_error": 1}, 1.0)
    assert (nap.state, nap.in_flight) == ("over", 0)
    assert _operation(metrics, "tools/call add", "client").count == 4
    assert metrics.pid == os.getpid()
    assert metrics.per_s == pytest.approx(sum(one.count for one in metrics.operations) / metrics.window_s, rel=0.1)
    assert 0 < metrics.error_rate < 1
    command = metrics.health["command"]
    assert (command.state, command.worst, command.limit, command.count) == ("over", "tools/call nap", 0.05, 12)
    assert metrics.health["protocol"].state == "ok"
    assert metrics.health["background"].state == "unknown"
    memory = metrics.resource("process.memory.usage")
    assert memory is not None
    assert memory.last > 1e6
    assert metrics.health["memory"].measured == memory.last
    with pytest.raises(KeyError):
        _ = metrics.health["no such"]


@pytest.mark.alone
def test_no_sdk_need_be_configured() -> None:
    McpInstrumentor().instrument(settings=McpSettings())
    with MetricCollector() as collector:
        metrics = asyncio.run(_calls(collector))
    assert _operation(metrics, "tools/call add").count == 4
    assert metrics.service == "unknown_service"


@pytest.mark.usefixtures("instrumented")
def test_it_leaves_nothing_behind() -> None:
    before = list(ON_BEGIN), list(ON_END), threading.active_count()
    collector = MetricCollector().start().start()
    assert (len(ON_BEGIN), len(ON_END)) == (len(before[0]) + 1, len(before[1]) + 1)
    collector.stop()
    deadline = time.monotonic() + 10
    while threading.active_count() > before[2] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (ON_BEGIN, ON_END, threading.active_count()) == before
    assert collector.collect_metrics().health.ok


def test_what_it_collects_survives_json() -> None:
    collector = MetricCollector()
    collector.watch.note(Key("client", "tools/call", "search"), 0.2, "timeout")
    metrics = collector.collect_metrics()
    assert from_json(json.loads(json.dumps(metrics.as_json()))) == metrics
    with pytest.raises(ValueError, match="format 2 is not 1"):
        from_json({**metrics.as_json(), "format": 2})


def test_collections_are_stored_beside_the_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDHOG_DIR", str(tmp_path))
    monkeypatch.setenv("GROUNDHOG_RUN_ID", "a-run")
    collector = MetricCollector()
    first, second = collector.collect_metrics(store=True), collector.collect_metrics(store=True)
    (file,) = (tmp_path / "a-run").glob("*.monitor.jsonl")
    assert file.name == f"unknown_service-{os.getpid()}.monitor.jsonl"
    assert [from_json(json.loads(line)) for line in file.read_text().splitlines()] == [first, second]


def test_they_are_stored_by_themselves_and_never_without_bound(tmp_path: Path) -> None:
    with MetricCollector(store=tmp_path, store_every_s=0.05) as collector:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not [file for file in tmp_path.rglob("*.jsonl") if file.stat().st_size]:
            time.sleep(0.02)
        line = json.dumps(collector.collect_metrics().as_json())
    (written,) = tmp_path.rglob("*.monitor.jsonl")
    assert json.loads(written.read_text().splitlines()[0])["pid"] == os.getpid()
    small = files.MetricFile(tmp_path / "small", limit_bytes=3 * len(line))
    for _ in range(20):
        file = small.append(collector.collect_metrics())
    kept = list(file.parent.glob("*.jsonl"))
    assert len(kept) == 2
    assert all(0 < one.stat().st_size <= 3 * len(line) for one in kept)


def test_names_without_end_are_taken_together() -> None:
    collector = MetricCollector()
    for number in range(MOST + 500):
        collector.watch.note(Key("server", "tools/call", f"tool {number}"), 0.001)
    operations = collector.collect_metrics().operations
    assert len(operations) == MOST + 1
    assert sum(one.count for one in operations) == MOST + 500


def test_threads_that_count_at_once_lose_nothing() -> None:
    collector = MetricCollector()
    key = Key("server", "tools/call", "search")

    def count() -> None:
        for _ in range(2000):
            collector.watch.note(key, 0.001)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        collector.collect_metrics()
    assert collector.collect_metrics().operations[0].count == 8000


def test_an_operation_that_ends_while_somebody_reads_does_not_wait() -> None:
    """As one does that a signal's handler cuts short, in the thread that reads."""
    collector = MetricCollector()
    key = Key("server", "tools/call", "search")
    with collector.watch._lock:
        for _ in range(1000):
            collector.watch.note(key, 0.001)
    assert collector.collect_metrics().operations[0].count == 1000


@pytest.mark.usefixtures("instrumented")
def test_a_failure_of_ours_is_said_once_and_the_calls_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "_said", set())

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("nothing can be counted today")

    with MetricCollector() as collector:
        monkeypatch.setattr(collector.watch, "note", broken)
        monkeypatch.setattr(collector._body, "look", broken)

        async def work() -> None:
            async with sdk.in_memory(sdk.make_server()) as session:
                for _ in range(3):
                    result = await session.call_tool("add", {"a": 1, "b": 2})
                    assert result.model_dump(by_alias=True)["isError"] is False

        asyncio.run(work())
        assert collector.collect_metrics().operations == ()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["telemetry failed in monitor; the MCP call goes on without it"]
    guard._said.clear()


@pytest.mark.parametrize("options", [{"window_s": 0}, {"window_s": math.nan}, {"store_every_s": -1}])
def test_seconds_are_above_zero(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="numbers of seconds above 0"):
        MetricCollector(**options)  # type: ignore[arg-type] # all of them are numbers


@pytest.mark.usefixtures("instrumented")
def test_the_health_of_a_block_is_that_of_its_own_operations() -> None:
    monitor = PerformanceMonitor()

    async def work(seconds: float) -> None:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool("nap", {"seconds": seconds})

    @monitor.monitor_health()
    async def decorated() -> None:
        await work(0.001)

    async def main() -> None:
        await decorated()
        async with monitor.monitor_health() as slow:
            await work(0.1)
        assert not slow
        assert slow["command"].worst == "tools/call nap"
        with pytest.raises(AssertionError, match=r"^command: 1\d\d ms of 50 ms \(tools/call nap\)$"):
            slow.require()
        assert repr(slow).startswith("health over: command: ")
        async with monitor.monitor_health() as quick:
            await work(0.001)
        assert quick.ok
        assert quick.require() is quick

    asyncio.run(main())
    assert monitor.monitor_health().health.state in ("ok", "unknown")
    monitor.collector.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.alone
def test_a_forked_child_starts_from_nothing() -> None:
    collector = MetricCollector().start()
    collector.watch.note(Key("server", "tools/call", "search"), 0.001)
    reading, writing = os.pipe()
    with collector.watch._lock, collector._lock:  # held by somebody while the fork happens
        child = os.fork()
        if child == 0:
            assert collector.budgets()["command"].state == "unknown"
            metrics = collector.collect_metrics()
            again = collector.start().collect_metrics()
            said = [metrics.pid == os.getpid(), len(metrics.operations), len(again.operations)]
            os.write(writing, json.dumps(said).encode())
            os._exit(0)
    os.waitpid(child, 0)
    assert json.loads(os.read(reading, 1000)) == [True, 0, 0]
    assert collector.collect_metrics().operations[0].count == 1
    collector.stop()
