"""The extra ``asyncio``: spans of named coroutines and threads below the tool's, and durations in usable buckets."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.sdk_views import asyncio_views
from tests.resources.collector import Collector
from tests.support import sdk
from tests.support.telemetry import Capture, is_child

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "runtime.md"


async def lookup() -> str:
    await asyncio.sleep(0.03)
    return "found"


def crunch() -> int:
    time.sleep(0.03)
    return 7


def _server() -> Any:
    server = sdk.make_server()

    @server.tool()
    async def gather() -> str:
        found = await asyncio.create_task(lookup())
        (again,) = await asyncio.gather(lookup())
        return f"{found} {again} {await asyncio.to_thread(crunch)}"

    return server


@pytest.fixture
def traced(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Capture]:
    monkeypatch.setenv("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE", "lookup")
    monkeypatch.setenv("OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE", "crunch")
    instrumentor = AsyncioInstrumentor()
    instrumentor.instrument(tracer_provider=capture.tracer_provider, meter_provider=capture.meter_provider)
    yield capture
    instrumentor.uninstrument()


@pytest.mark.anyio
async def test_named_coroutines_and_threads_lie_below_the_tool(traced: Capture) -> None:
    async with sdk.in_memory(_server()) as session:
        await session.call_tool("gather", {})
    tool = traced.one(SpanKind.SERVER, "tools/call gather")
    below = traced.spans(name="asyncio coro-lookup") + traced.spans(name="asyncio to_thread-crunch")
    assert len(below) == 3
    assert all(is_child(span, tool) for span in below)


def test_the_view_gives_durations_buckets() -> None:
    for views, bounds in (((), None), (asyncio_views(), semconv.MCP_DURATION_BUCKETS_S)):
        found = Collector()
        if views:
            found.reader = InMemoryMetricReader()
            found.provider = MeterProvider([found.reader], shutdown_on_exit=False, views=views)
        instrumentor = AsyncioInstrumentor()
        instrumentor.instrument(meter_provider=found.provider)
        try:

            async def main() -> None:
                await asyncio.create_task(lookup())

            asyncio.run(main())
            (point,) = found.points("asyncio.process.duration")
        finally:
            instrumentor.uninstrument()
        if bounds is None:
            assert list(point.explicit_bounds)[:2] == [0, 5], "the view is not needed any more"
            assert point.bucket_counts[1] == 1
        else:
            assert point.explicit_bounds == bounds
            assert point.bucket_counts[0] == 0


@pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.configuration") is None, reason="needs opentelemetry-configuration"
)
def test_the_documented_configuration_file_gives_them_too(tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    config = tmp_path / "otel.yaml"
    readers = "  readers:\n    - periodic: {exporter: {console: {}}}\n"
    config.write_text(snippet.replace("meter_provider:\n", f"meter_provider:\n{readers}"), "utf-8")
    program = (
        "import asyncio\nasync def work(): await asyncio.sleep(0.03)\n"
        "async def main(): await asyncio.create_task(work())\nasyncio.run(main())"
    )
    done = subprocess.run(
        [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, "-c", program],
        env={**os.environ, "OTEL_CONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
        timeout=55,
        check=True,
    )
    duration = done.stdout[done.stdout.index('"asyncio.process.duration"') :]
    bounds = re.search(r'"explicit_bounds": \[(.*?)\]', duration, re.DOTALL)
    assert bounds is not None
    assert [float(bound) for bound in bounds[1].split(",")] == list(semconv.MCP_DURATION_BUCKETS_S)
