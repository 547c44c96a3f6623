"""One run, written to files and sent through the Collector: files, Jaeger and Prometheus give the same answer."""

from __future__ import annotations

import bisect
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from groundhog_otel.analysis.usage import usage
from groundhog_otel.store.model import Histogram, Recording, Series, Span
from groundhog_otel.store.sources import open_source
from groundhog_otel.store.telemetry import Telemetry
from groundhog_otel.store.totals import OperationTotals, totals_of_histograms
from tests.e2e.conftest import RunningStack, eventually
from tests.support.processes import ROOT, environment, python

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SERVICES = ("known-client", "known-server")
INTERVAL_S = 1
ADD, NAPS, BOOMS = 60, 40, 7

PROGRAM = f"""
import asyncio, os, sys
from tests.support import sdk

async def main():
    words = (sys.executable, "-m", "tests.support.sdk")
    async with sdk.over_stdio(*words, env={{**os.environ, "OTEL_SERVICE_NAME": "known-server"}}) as session:
        for number in range({ADD}):
            await session.call_tool("add", {{"a": number, "b": 1}})
        for _ in range({NAPS}):
            await session.call_tool("nap", {{"seconds": 0.07}})
        for _ in range({BOOMS}):
            try:
                await session.call_tool("boom", {{}})
            except Exception:
                pass

asyncio.run(main())
"""


@dataclass
class _Known:
    files: Telemetry
    jaeger: Telemetry
    prometheus: Telemetry
    since_ns: int

    def read(self, source: Telemetry) -> Recording:
        return source.read(since_ns=self.since_ns, services=SERVICES)

    def operations(self, source: Telemetry) -> dict[tuple[str, str, str], OperationTotals]:
        found = source.operations(since_ns=self.since_ns, services=SERVICES)
        return {(one.service, one.side, one.name): one for one in found}


@pytest.fixture(scope="module")
def known(running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> _Known:
    since_ns = time.time_ns()
    store = tmp_path_factory.mktemp("store")
    done = subprocess.run(
        python("-c", PROGRAM),
        cwd=ROOT,
        env=environment(
            GROUNDHOG_DIR=str(store),
            GROUNDHOG_RUN_ID="known",
            OTEL_SERVICE_NAME="known-client",
            # Has the Collector keep every trace, and tells all three the process.
            OTEL_RESOURCE_ATTRIBUTES="groundhog.load.run_id=known",
            OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process",
            OTEL_TRACES_EXPORTER="otlp,groundhog_file",
            OTEL_METRICS_EXPORTER="otlp,groundhog_file",
            OTEL_LOGS_EXPORTER="none",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}",
            OTEL_METRIC_EXPORT_INTERVAL=str(INTERVAL_S * 1000),
            OTEL_PYTHON_GROUNDHOG_RESOURCES="process",
            OTEL_PYTHON_MCP_EXIT_TIMEOUT="none",  # on a busy machine a second may be too short for the last counts
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    jaeger, prometheus = (f"http://127.0.0.1:{running_stack.ports[port]}" for port in ("jaeger_query", "prometheus"))
    found = _Known(open_source(store), open_source(jaeger), open_source(prometheus), since_ns)
    spans = {one.span_id for one in found.read(found.files).spans}
    eventually(
        lambda: {one.span_id for one in found.read(found.jaeger).spans} >= spans,
        within_s=60, what="every span in Jaeger",
    )  # fmt: skip
    last = _last_counts(found.read(found.files))
    eventually(lambda: _last_counts(found.read(found.prometheus)) == last, within_s=60, what="the last counts scraped")
    return found


def _key(one: Series | Histogram) -> Any:
    return one.name, one.unit, one.process, tuple(sorted(one.attributes.items()))


def _last_counts(recording: Recording) -> dict[Any, tuple[int, ...]]:
    return {(_key(one), one.boundaries): one.points[-1].counts for one in recording.histograms}


def _by_id(spans: tuple[Span, ...]) -> dict[str, Span]:
    return {one.span_id: one for one in spans}


def test_files_and_jaeger_have_the_same_spans_and_so_exactly_the_same_operations(known: _Known) -> None:
    files, jaeger = _by_id(known.read(known.files).spans), _by_id(known.read(known.jaeger).spans)
    assert files == jaeger
    operations = known.operations(known.files)
    assert operations == known.operations(known.jaeger)
    counts = {key: (one.count, one.errors) for key, one in operations.items()}
    for service, side in (("known-client", "client"), ("known-server", "server")):
        assert counts[service, side, "tools/call add"] == (ADD, ())
        assert counts[service, side, "tools/call nap"] == (NAPS, ())
        assert counts[service, side, "tools/call boom"] == (BOOMS, (("tool_error", BOOMS),))


def test_prometheus_counts_the_same_operations_and_errors(known: _Known) -> None:
    exact, counted = known.operations(known.files), known.operations(known.prometheus)
    assert {key: (one.count, one.errors) for key, one in counted.items()} == {
        key: (one.count, one.errors) for key, one in exact.items()
    }


def test_percentiles_of_prometheus_are_those_of_the_same_buckets_in_files(known: _Known) -> None:
    histograms = known.read(known.files).histograms
    in_files = {(one.service, one.side, one.name): one for one in totals_of_histograms(histograms)}
    assert known.operations(known.prometheus) == in_files


@pytest.mark.parametrize("percentile", ["p50_s", "p90_s"])
def test_exact_percentiles_lie_within_their_buckets(known: _Known, percentile: str) -> None:
    """A span lasts some microseconds longer than what its histogram is told, so only of calls that last far longer."""
    exact, counted = known.operations(known.files), known.operations(known.prometheus)
    (boundaries,) = {
        one.boundaries for one in known.read(known.files).histograms if one.name == "mcp.server.operation.duration"
    }
    for key in (("known-server", "server", "tools/call nap"), ("known-client", "client", "tools/call nap")):
        value, end = getattr(exact[key], percentile), getattr(counted[key], percentile)
        start = max((one for one in boundaries if one < end), default=0.0)
        assert start * 0.8 <= value <= end * 1.2


def test_sums_of_histograms_are_the_same(known: _Known) -> None:
    in_files = {(_key(one), one.boundaries): one.points[-1].sum for one in known.read(known.files).histograms}
    scraped = {(_key(one), one.boundaries): one.points[-1].sum for one in known.read(known.prometheus).histograms}
    assert scraped == pytest.approx(in_files)


def test_resource_series_are_the_same_within_the_precision_of_scrapes(known: _Known) -> None:
    """Two readers take turns in the process: what is scraped was read between two readings that are in the files."""
    in_files = {_key(one): one for one in known.read(known.files).series}
    scraped = {_key(one): one for one in known.read(known.prometheus).series}
    assert in_files.keys() == scraped.keys()
    counters = [key for key in in_files if key[0] in ("process.cpu.time", "process.disk.io", "groundhog.mcp.io")]
    assert len({(key[0], key[2].service) for key in counters}) == 6
    late_ns = 3 * (2 * INTERVAL_S + 1) * 10**9
    for key in counters:
        times, values = zip(*((point.time_ns, point.value) for point in in_files[key].points), strict=True)
        for point in scraped[key].points:
            before = bisect.bisect_right(times, point.time_ns - late_ns)
            after = bisect.bisect_left(times, point.time_ns)
            assert point.value >= (values[before - 1] if before else 0.0)
            if after < len(values):
                assert point.value <= values[after]
    for key in (key for key in counters if key[0] == "groundhog.mcp.io"):
        assert scraped[key].points[-1].value == in_files[key].points[-1].value


@pytest.mark.parametrize(
    "figure",
    [
        lambda one: one.cpu_s,
        lambda one: one.memory_bytes.max,
        lambda one: one.disk_written_bytes.total,
    ],
    ids=["cpu", "memory", "disk"],
)
def test_a_process_has_used_the_same(known: _Known, figure: Callable[[Any], float]) -> None:
    in_files = {one.process: figure(one) for one in usage(known.read(known.files).series)}
    scraped = {one.process: figure(one) for one in usage(known.read(known.prometheus).series)}
    assert {process.service for process in scraped} == set(SERVICES)
    assert scraped == pytest.approx(in_files, rel=0.1)


def test_both_backends_behind_one_door_are_a_whole_recording(running_stack: RunningStack, known: _Known) -> None:
    jaeger, prometheus = (f"http://127.0.0.1:{running_stack.ports[port]}" for port in ("jaeger_query", "prometheus"))
    both = open_source(f"{jaeger},{prometheus}")
    found, files = known.read(both), known.read(known.files)
    assert _by_id(found.spans) == _by_id(files.spans)
    assert _last_counts(found) == _last_counts(files)
    assert {_key(one) for one in found.series} == {_key(one) for one in files.series}
    assert known.operations(both) == known.operations(known.prometheus)
    assert open_source(jaeger).name == known.jaeger.name
