"""What the profilers cost: the same load with and without them, taking turns in one process.

``python -m bench.profile [--rounds N] [--memory-rounds N] [--ways NAME...] [--write]``. A round runs a load once in
every way, in random order. The table has the median over the rounds of the ratio to the same round unprofiled, of CPU
time and of wall time; ``control`` is the load unprofiled once more, and so is the noise of the run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio.to_thread
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from bench.__main__ import processor
from bench.variants import Discard
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.profiling.cpu import CpuProfiler
from groundhog_otel.profiling.memory import MemoryProfiler
from groundhog_otel.profiling.memory.profiler import Engine
from groundhog_otel.settings import McpSettings
from tests.support import sdk

__all__ = ("LOADS", "WAYS", "measure")

RESULTS = Path(__file__).parent / "RESULTS.md"

Load = Callable[[Any], Awaitable[object]]
Way = Callable[[], AbstractContextManager[object]]

WAYS: dict[str, Way] = {
    "control": nullcontext,
    "always on": lambda: CpuProfiler.light().start_profiling(),
    "targeted at another tool": lambda: CpuProfiler(interval_s=0.001, tools=["other"]).start_profiling(),
    "targeted, 100 looks/s": lambda: CpuProfiler(tools=["add", "mixed", "threaded"]).start_profiling(),
    "targeted, 1000 looks/s": lambda: CpuProfiler(
        interval_s=0.001, tools=["add", "mixed", "threaded"]
    ).start_profiling(),
    "everything, 100 looks/s": lambda: CpuProfiler().start_profiling(),
}


@contextmanager
def _allocations(engine: Engine, *, frames: int = 1, every: bool = True) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        profiler = MemoryProfiler(engine=engine, frames=frames, file=Path(folder, "memory.bin"))
        with profiler.track_allocations(every=every):
            yield


@contextmanager
def _leaks() -> Iterator[None]:
    watch = MemoryProfiler().detect_leaks()
    try:
        yield
    finally:
        watch.stop()


MEMORY_WAYS: dict[str, Way] = {
    "control": nullcontext,
    "every allocation, memray": lambda: _allocations("memray"),
    "sums, memray": lambda: _allocations("memray", every=False),
    "in use, tracemalloc, 1 frame": lambda: _allocations("tracemalloc"),
    "in use, tracemalloc, 24 frames": lambda: _allocations("tracemalloc", frames=24),
    "leak search": _leaks,
}


def _compute(steps: int) -> int:
    total = 0
    for number in range(steps):
        total += number
    return total


def _server() -> Any:
    server = sdk.make_server()

    @server.tool()
    async def mixed() -> int:
        total = _compute(20_000)
        await anyio.sleep(0.002)
        return total + _compute(20_000)

    @server.tool()
    def threaded() -> int:
        return _compute(100_000)

    return server


async def _many(session: Any, tool: str, calls: int, at_once: int) -> None:
    arguments = {"a": 1, "b": 2} if tool == "add" else {}
    for _ in range(calls // at_once):
        await asyncio.gather(*(session.call_tool(tool, arguments) for _ in range(at_once)))


LOADS: dict[str, Load] = {
    "`add`, one after the other": lambda session: _many(session, "add", 300, 1),
    "`add`, 50 at once": lambda session: _many(session, "add", 300, 50),
    "computes and waits, 20 at once": lambda session: _many(session, "mixed", 200, 20),
    "computes in worker threads, 8 at once": lambda session: _many(session, "threaded", 80, 8),
}


MEMORY_LOADS: dict[str, Load] = {"`add`, one after the other": lambda session: _many(session, "add", 100, 1)}


async def measure(
    rounds: int, chosen: Mapping[str, Way], loads: Mapping[str, Load] = LOADS
) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    """Return, per load and way, CPU and wall seconds of each round; the way without a name is the load alone."""
    ways: dict[str, Way] = {"": nullcontext, **chosen}
    found: dict[str, dict[str, tuple[list[float], list[float]]]] = {
        load: {way: ([], []) for way in ways} for load in loads
    }
    async with sdk.in_memory(_server()) as session:
        for number in range(rounds + 1):
            for name, load in loads.items():
                for way in random.sample(list(ways), len(ways)):
                    gc.collect()
                    with ways[way]():
                        await load(session)
                        cpu_s, wall_s = time.process_time(), time.perf_counter()
                        await load(session)
                        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
                    if number:  # the first pays for what caches
                        found[name][way][0].append(cpu_s)
                        found[name][way][1].append(wall_s)
    return found


def table(found: dict[str, dict[str, tuple[list[float], list[float]]]]) -> list[str]:
    """Return the rows."""
    lines = ["| load | profiler | CPU time | wall time |", "|---|---|---:|---:|"]
    for load, ways in found.items():
        bare = ways[""]
        for way in ways:
            if not way:
                continue
            ratios = [
                statistics.median(one / other for one, other in zip(ways[way][at], bare[at], strict=True))
                for at in (0, 1)
            ]
            lines.append(f"| {load} | {way} | {ratios[0]:.3f} | {ratios[1]:.3f} |")
    return lines


HEADER = """# What the profilers cost

Made by

{made}.

Client and server are in one process, instrumented. Each round runs a load in every way, in random order; a figure is
the median, over the rounds, of the ratio to the same round without a profiler. `control` has none either: what it
departs from 1 is noise. Each way has run the load once before it is measured, so neither the start of the profiler
counts nor its first looks, which have every line still to learn; and neither does its end. `targeted at another tool`
looks at nothing: it is what a profiler costs that waits for its tool. `always on` is `CpuProfiler.light()`. A leak
search is one at its default, by tracemalloc with one frame; its load goes past the end of no window here, where it
looks at the heap.

{table}

{memory}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--memory-rounds", type=int, default=10, help="they take much longer")
    parser.add_argument("--ways", nargs="*", choices=WAYS, help="only these, of the CPU profiler's")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md beside this file")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(Discard()))
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    instrumentor = McpInstrumentor()
    with ExitStack() as stack:
        stack.callback(meters.shutdown)
        stack.callback(tracers.shutdown)
        instrumentor.instrument(tracer_provider=tracers, meter_provider=meters, settings=McpSettings())
        stack.callback(instrumentor.uninstrument)
        chosen = {name: way for name, way in WAYS.items() if not options.ways or name in options.ways}
        lines = table(asyncio.run(measure(options.rounds, chosen)))
        print("\n".join(lines), flush=True)
        memory = table(asyncio.run(measure(options.memory_rounds, MEMORY_WAYS, MEMORY_LOADS)))
        print("\n".join(memory))
    if options.write:
        made = (
            f"`python -m bench.profile --rounds {options.rounds} "
            f"--memory-rounds {options.memory_rounds} --write`, on {date.today():%Y-%m-%d}, Python "
            f"{platform.python_version()}, mcp {version('mcp')}, {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} CPUs ({processor()})"
        )
        RESULTS.write_text(HEADER.format(made=made, table="\n".join(lines), memory="\n".join(memory)), "utf-8")


if __name__ == "__main__":
    main()
