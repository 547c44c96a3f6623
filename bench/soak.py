"""Whether memory stays flat: ``python -m bench.soak [--calls N] [--minutes N]``, or ``make soak``.

Calls in a row, in turns of four kinds: a known tool, a tool under a name never heard before, a call that its caller
cancels, and, now and then, a call in a session of its own. Prints the resident size ten times on the way, and fails
when it grows in the second half by more than 10 bytes a call: by then the bounded caches are full.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import time
import uuid
from typing import Any

import psutil

from bench.variants import Discard
from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.settings import McpSettings
from tests.support import sdk

__all__ = ("BYTES_PER_CALL", "grown", "soak")

BYTES_PER_CALL = 10.0
_SESSION_EVERY = 100


async def _turn(session: Any, server: Any, number: int) -> None:
    kind = number % 4
    if kind == 0:
        await session.call_tool(f"unknown-{uuid.uuid4()}", {})
    elif kind == 1:
        call = asyncio.ensure_future(session.call_tool("nap", {"seconds": 60}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    elif kind == 2 and number % _SESSION_EVERY == 2:
        async with sdk.in_memory(server) as other:
            await other.call_tool("add", {"a": 1, "b": 2})
    else:
        await session.call_tool("add", {"a": 1, "b": 2})


async def soak(calls: int, seconds: float, looks: int = 10) -> list[tuple[int, int]]:
    """Return pairs of calls done and resident bytes: at most ``calls`` calls, and for at most ``seconds``."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    tracers, reader = TracerProvider(shutdown_on_exit=False), InMemoryMetricReader()
    tracers.add_span_processor(BatchSpanProcessor(Discard()))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    instrumentor = McpInstrumentor()
    instrumentor.instrument(tracer_provider=tracers, meter_provider=meters, settings=McpSettings())
    process, server = psutil.Process(), sdk.make_server()
    found: list[tuple[int, int]] = []
    deadline = time.monotonic() + seconds
    every = max(1, calls // looks)
    try:
        # A long session of the SDK's own keeps what cancelled calls leave behind: sessions take turns, as in life.
        for first in range(0, calls, every):
            async with sdk.in_memory(server) as session:
                for number in range(first, min(first + every, calls)):
                    await _turn(session, server, number)
                    if time.monotonic() > deadline:
                        calls = number
                        break
            reader.get_metrics_data()
            tracers.force_flush()
            gc.collect()
            found.append((min(first + every, calls), process.memory_info().rss))
            if time.monotonic() > deadline:
                break
    finally:
        instrumentor.uninstrument()
        tracers.shutdown()
        meters.shutdown()
    return found


def grown(found: list[tuple[int, int]]) -> float:
    """Return the bytes per call by which memory has grown in the second half."""
    start = found[len(found) // 2]
    calls = found[-1][0] - start[0]
    return (found[-1][1] - start[1]) / calls if calls else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    found = asyncio.run(soak(options.calls, options.minutes * 60))
    for done, size in found:
        print(f"{done:>9} calls: {size / 1e6:.1f} MB")
    print(f"{grown(found):+.1f} bytes a call; allowed: {BYTES_PER_CALL}")
    return int(grown(found) > BYTES_PER_CALL)


if __name__ == "__main__":
    sys.exit(main())
