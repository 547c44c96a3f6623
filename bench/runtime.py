"""What the runtime instrumentor and the extra ``asyncio`` cost: each with and without, interleaved in one process.

``python -m bench.runtime [--rounds N]`` prints a markdown table: µs of CPU time of one operation without and with, and
the median over all rounds of their ratio. A round runs both once, in random order. The control is the same thing twice.
The last line is a whole second in which one operation waits and the process has nothing to do.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import logging
import platform
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import anyio.to_thread
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from bench.floor import call, server
from bench.variants import Variants
from groundhog_otel.runtime import RuntimeInstrumentor
from groundhog_otel.settings import RuntimeSettings
from tests.support import sdk

Switch = Callable[[], AbstractContextManager[object]]
Work = Callable[[], Awaitable[object]]


@contextmanager
def _on(instrumentor: Any, **options: Any) -> Iterator[None]:
    instrumentor.instrument(**options)
    yield
    instrumentor.uninstrument()


async def _nothing() -> None:
    return None


async def _cost(work: Work, size: int) -> float:
    """Return µs of CPU time of one of ``size`` runs."""
    await work()  # the first after a switch pays for what caches
    gc.collect()
    started = time.process_time()
    for _ in range(size):
        await work()
    return (time.process_time() - started) / size * 1e6


async def _compare(name: str, work: Work, switch: Switch, *, size: int, rounds: int) -> str:
    spent: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds + 2):
        for on in random.sample((False, True), 2):
            with switch() if on else nullcontext():
                found = await _cost(work, size)
            if number >= 2:
                spent[on].append(found)
    ratio = statistics.median(one / other for one, other in zip(spent[True], spent[False], strict=True))
    without, with_ = statistics.median(spent[False]), statistics.median(spent[True])
    return f"| {name} | {without:.1f} | {with_:.1f} | {with_ - without:+.1f} | {ratio:.3f} |"


async def measure(rounds: int) -> None:
    """Print the table, line by line."""
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    runtime: Switch = lambda: _on(RuntimeInstrumentor(), meter_provider=provider, settings=RuntimeSettings())  # noqa: E731
    extra: Switch = lambda: _on(AsyncioInstrumentor(), meter_provider=provider)  # noqa: E731
    variants = Variants()
    result_type = sdk.mcp_types().CallToolResult
    async with sdk.in_memory(server(lambda: None)) as session:
        tool: Work = functools.partial(call, session, result_type, None)
        with variants.switched_on("ours"):
            for name, switch in (("control", nullcontext), ("groundhog_runtime", runtime), ("extra asyncio", extra)):
                print(await _compare(f"tools/call: {name}", tool, switch, size=50, rounds=rounds), flush=True)
    thread: Work = lambda: anyio.to_thread.run_sync(int)  # noqa: E731
    task: Work = lambda: asyncio.create_task(_nothing())  # noqa: E731
    print(await _compare("anyio.to_thread.run_sync: groundhog_runtime", thread, runtime, size=100, rounds=rounds))
    print(await _compare("asyncio.create_task: extra asyncio", task, extra, size=500, rounds=rounds))

    async with sdk.in_memory(sdk.make_server()) as session:
        nap: Work = lambda: session.call_tool("nap", {"seconds": 1})  # noqa: E731
        with variants.switched_on("ours"):
            print(await _compare("one second's wait: groundhog_runtime", nap, runtime, size=1, rounds=rounds // 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=80)
    rounds: int = parser.parse_args().rounds
    logging.disable(logging.WARNING)
    print(f"{rounds} rounds, CPython {platform.python_version()}, mcp {'.'.join(map(str, sdk.VERSION))}.\n")
    print("| what | µs without | µs with | added | ratio |\n|---|--:|--:|--:|--:|")
    asyncio.run(measure(rounds))


if __name__ == "__main__":
    main()
