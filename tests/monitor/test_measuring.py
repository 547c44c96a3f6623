"""What is measured by hand: as context manager, decorator and plain call; what it emits, and how it reads in a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from groundhog_otel.budgets import BACKGROUND, COMMAND, Budget, ProcessLimits
from groundhog_otel.mcp import guard
from groundhog_otel.monitor import MetricCollector, PerformanceMonitor
from tests.resources.collector import Collector

pytest_plugins = ("pytester",)


@pytest.fixture
def found() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.provider.shutdown()


@pytest.fixture
def monitor(found: Collector) -> PerformanceMonitor:
    return PerformanceMonitor(meter_provider=found.provider)


def _points(found: Collector, name: str) -> list[tuple[dict[str, Any], HistogramDataPoint]]:
    return [(dict(point.attributes or {}), point) for point in found.points(name)]


async def _as_async_manager(monitor: PerformanceMonitor, nap_s: float) -> None:
    async with monitor.measure_latency("tools/call", tool="search"):
        await asyncio.sleep(nap_s)


def _as_manager(monitor: PerformanceMonitor, nap_s: float) -> None:
    with monitor.measure_latency("tools/call", tool="search"):
        time.sleep(nap_s)


def _as_decorator(monitor: PerformanceMonitor, nap_s: float) -> None:
    @monitor.measure_latency("tools/call", tool="search")
    def nap(of_s: float) -> str:
        """Nap."""
        time.sleep(of_s)
        return "rested"

    assert nap(nap_s) == "rested"
    assert (nap.__name__, nap.__doc__) == ("nap", "Nap.")


def _as_async_decorator(monitor: PerformanceMonitor, nap_s: float) -> None:
    @monitor.measure_latency("tools/call", tool="search")
    async def nap(of_s: float) -> str:
        await asyncio.sleep(of_s)
        return "rested"

    assert asyncio.iscoroutinefunction(nap)
    assert asyncio.run(nap(nap_s)) == "rested"


def _by_hand(monitor: PerformanceMonitor, nap_s: float) -> None:
    latency = monitor.measure_latency("tools/call", tool="search").start()
    time.sleep(nap_s)
    latency.stop()


def _measured_elsewhere(monitor: PerformanceMonitor, nap_s: float) -> None:
    assert monitor.measure_latency("tools/call", tool="search", seconds=nap_s).seconds == nap_s


@pytest.mark.parametrize(
    "way",
    [
        lambda monitor, nap_s: asyncio.run(_as_async_manager(monitor, nap_s)),
        _as_manager, _as_decorator, _as_async_decorator, _by_hand, _measured_elsewhere,
    ],
    ids=["async with", "with", "decorator", "async decorator", "start and stop", "seconds"],
)  # fmt: skip
def test_every_way_measures_the_same_thing(
    way: Callable[[PerformanceMonitor, float], None], monitor: PerformanceMonitor, found: Collector
) -> None:
    way(monitor, 0.03)
    ((attributes, point),) = _points(found, "groundhog.block.duration")
    assert attributes == {"mcp.method.name": "tools/call", "gen_ai.tool.name": "search"}
    assert (point.count, point.min >= 0.029) == (1, True)
    assert 0.05 in point.explicit_bounds


@pytest.mark.parametrize(
    ("name", "tool", "attributes"),
    [
        ("prompts/get", "greet", {"mcp.method.name": "prompts/get", "gen_ai.prompt.name": "greet"}),
        ("load index", None, {"groundhog.block.name": "load index"}),
        ("load index", "search", {"groundhog.block.name": "load index", "gen_ai.tool.name": "search"}),
    ],
)
def test_names_are_those_of_the_conventions_where_they_have_some(
    name: str, tool: str | None, attributes: dict[str, str], monitor: PerformanceMonitor, found: Collector
) -> None:
    monitor.measure_latency(name, tool=tool, seconds=1)
    assert [one for one, _ in _points(found, "groundhog.block.duration")] == [attributes]


def test_a_block_that_fails_is_measured_and_fails_as_it_would(monitor: PerformanceMonitor, found: Collector) -> None:
    error = LookupError("no such index")
    with pytest.raises(LookupError) as raised, monitor.measure_latency("load index"):
        raise error
    assert raised.value is error
    ((attributes, _),) = _points(found, "groundhog.block.duration")
    assert attributes["error.type"] == "LookupError"


def test_calls_that_overlap_are_measured_each_by_itself(monitor: PerformanceMonitor, found: Collector) -> None:
    @monitor.measure_latency("nap")
    async def nap(of_s: float) -> None:
        await asyncio.sleep(of_s)

    async def main() -> None:
        await asyncio.gather(nap(0.01), nap(0.2))

    asyncio.run(main())
    ((_, point),) = _points(found, "groundhog.block.duration")
    assert point.count == 2
    assert point.min < 0.15 < point.max


def test_a_latency_compares_with_budgets_seconds_and_timedeltas(monitor: PerformanceMonitor) -> None:
    latency = monitor.measure_latency("tools/call", tool="search", seconds=0.06)
    assert latency > COMMAND
    assert latency >= COMMAND
    assert not latency <= COMMAND
    assert latency < BACKGROUND
    assert latency < 0.07
    assert 0.07 > latency > 0.05
    assert latency <= timedelta(milliseconds=60)
    assert latency < monitor.measure_latency("other", seconds=1)
    assert latency.require(0.06) is latency
    assert float(latency) == 0.06
    assert not latency.within_budget
    assert monitor.measure_latency("no budget", seconds=9).within_budget
    with pytest.raises(TypeError, match="'<' not supported between instances of 'Latency' and 'str'"):
        _ = latency < "50 ms"
    with pytest.raises(TypeError, match="give a Budget, seconds, or a timedelta"):
        latency.require(True)


def test_a_limit_that_does_not_hold_says_by_how_much(monitor: PerformanceMonitor) -> None:
    latency = monitor.measure_latency("tools/call", tool="search", seconds=0.0632)
    assert repr(latency) == "tools/call search took 63 ms, against the command budget of 50 ms"
    with pytest.raises(
        AssertionError, match=r"^tools/call search took 63 ms, 13 ms over the command budget of 50 ms; "
    ):
        latency.require()
    with pytest.raises(AssertionError, match=r"63 ms, 43 ms over 20 ms; expected at most that$"):
        latency.require(timedelta(seconds=0.02))
    own = monitor.measure_latency("load index", budget=Budget("start", 1.0), seconds=2.5)
    with pytest.raises(AssertionError, match=r"load index took 2\.5 s, 1\.5 s over the start budget of 1\.0 s"):
        own.require()
    with pytest.raises(ValueError, match="load index has no budget: give a limit"):
        monitor.measure_latency("load index", seconds=1).require()


def test_one_that_has_not_begun_says_so(monitor: PerformanceMonitor) -> None:
    latency = monitor.measure_latency("tools/call", tool="search")
    with pytest.raises(RuntimeError, match="tools/call search has not been measured: compare within the block"):
        _ = latency < COMMAND
    assert repr(latency) == "tools/call search, not measured"
    with latency:
        assert latency < 10
        assert repr(latency) == "tools/call search, under way"
    latency.stop()


def test_pytest_says_what_took_how_long(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from groundhog_otel.budgets import COMMAND
        from groundhog_otel.monitor import PerformanceMonitor

        def test_it():
            latency = PerformanceMonitor().measure_latency("tools/call", tool="search", seconds=0.0632)
            assert latency < COMMAND
        """
    )
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.stdout.fnmatch_lines(
        ["E * assert tools/call search took 63 ms, 13 ms over the command budget of 50 ms; expected less than that"]
    )


@pytest.mark.alone
def test_resources_of_a_block(monitor: PerformanceMonitor, found: Collector) -> None:
    with monitor.track_resource_usage("build index") as usage:
        held = bytearray(30_000_000)
        held[::4096] = b"x" * len(held[::4096])
        deadline = time.process_time() + 0.05
        while time.process_time() < deadline:
            pass
    assert usage.cpu_s >= 0.05
    assert usage.wall_s >= 0.05
    assert 0 < usage.cpu_share <= 1.5
    assert usage.memory_growth_bytes > 10_000_000
    assert usage.memory_bytes > usage.memory_growth_bytes
    assert len(usage.over(ProcessLimits(1, 0.0, 1, 1))) == 2
    assert usage.require(ProcessLimits(10**12, 100.0, 1, 1)) is usage
    with pytest.raises(AssertionError, match=r"^build index: memory: .* MB, over 1 B; CPU: .* %, over 0 %$"):
        usage.require(ProcessLimits(1, 0.0, 1, 1))
    assert repr(usage).startswith("build index used ")
    metrics = {metric.name for metric in found.metrics()}
    assert {"groundhog.block.cpu.time", "groundhog.block.memory.growth"} <= metrics
    del held


def test_resources_before_they_are_tracked(monitor: PerformanceMonitor) -> None:
    usage = monitor.track_resource_usage("build index")
    with pytest.raises(RuntimeError, match="build index has not been measured"):
        _ = usage.cpu_s

    @usage
    def work() -> int:
        return 3

    assert work() == 3
    usage.start()
    assert usage.wall_s > 0
    assert usage.stop().disk_read_bytes >= 0


def test_throughput_in_every_way(monitor: PerformanceMonitor, found: Collector) -> None:
    assert monitor.throughput("events") == 0
    monitor.record_throughput("events", 5, unit="event")
    with monitor.record_throughput("events", unit="event") as block:
        block.add(3).add()
        time.sleep(0.02)
    assert block.count == 4
    assert 4 / 10 < block.per_s <= 4 / 0.02
    assert block > 0.4
    assert block < 201
    assert 0.4 <= block <= 201
    assert repr(block).startswith("events: 4 events, ")

    @monitor.record_throughput("events", tool="search")
    def deal(fails: bool) -> None:
        if fails:
            raise LookupError("no event")

    deal(False)
    with pytest.raises(LookupError, match="no event"):
        deal(True)
    counted = {
        tuple(sorted(attributes.items())): value for value, attributes in found.readings()["groundhog.block.count"]
    }
    assert counted == {
        (("groundhog.block.name", "events"),): 9,
        (("gen_ai.tool.name", "search"), ("groundhog.block.name", "events")): 1,
    }
    assert monitor.throughput("events") > 0
    assert set(monitor.collector.collect_metrics().others) == {"events", "events search"}


def test_without_an_sdk_it_measures_all_the_same() -> None:
    monitor = PerformanceMonitor(meter_provider=NoOpMeterProvider())
    with monitor.measure_latency("tools/call", tool="search") as latency:
        time.sleep(0.01)
    assert latency.seconds >= 0.01
    assert monitor.record_throughput("events", 2).count == 2
    (seen,) = monitor.collector.collect_metrics().operations
    assert (seen.key.side, seen.key.name, seen.count) == ("block", "tools/call search", 1)


class _Broken:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("nothing can be measured today")


@pytest.mark.parametrize("broken", ["provider", "instruments"])
def test_a_failure_of_ours_is_said_once_and_the_block_goes_on(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "_said", set())
    provider: Any = _Broken() if broken == "provider" else NoOpMeterProvider()
    monitor = PerformanceMonitor(meter_provider=provider)
    if broken == "instruments":
        monkeypatch.setattr(monitor, "_instruments", _Broken())
    for _ in range(3):
        with monitor.measure_latency("tools/call") as latency, monitor.track_resource_usage("x"):
            time.sleep(0.001)
        monitor.record_throughput("events", 1)
        assert latency > 0
    assert [record.getMessage() for record in caplog.records] == [
        "telemetry failed in monitor; the MCP call goes on without it"
    ]


def test_blocks_under_way_are_told_and_those_nobody_ends_are_not_without_bound() -> None:
    collector = MetricCollector()
    monitor = PerformanceMonitor(meter_provider=NoOpMeterProvider(), collector=collector)
    with monitor.measure_latency("outer"), monitor.measure_latency("outer"):
        (outer,) = collector.collect_metrics().operations
        assert (outer.in_flight, outer.count) == (2, 0)
    assert collector.collect_metrics().in_flight == 0
    kept = [monitor.measure_latency("endless").start() for _ in range(10_100)]
    assert len(collector.watch.blocks) == 10_000
    del kept
