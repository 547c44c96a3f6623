"""A process that runs batches of calls when told to: ``python -m bench.peers.worker PEER``; PEER may be ``none``.

It reads the name of a variant and a number of calls from each line of its input, and answers with the µs of CPU time
per call. Without a peer the variants are ``bare``, ``control``, ``floor`` and ``floor+propagation``.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time

from bench.floor import Floor
from bench.peers.adapters import PEERS, Recorder
from bench.peers.subject import call, connected


async def serve(peer: str, fastmcp: bool) -> None:
    recorder = Recorder(keep=False)
    floors: dict[str, Floor] = {}
    if peer == "none":
        # Its providers are its own: what the SDK or FastMCP traces by itself still goes nowhere.
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.trace import TracerProvider

        tracers, meter = TracerProvider(), MeterProvider([recorder.reader]).get_meter("floor")
        tracers.add_span_processor(recorder.processor())
        floors = {
            name: Floor(tracers, meter, propagate_context=name != "floor") for name in ("floor", "floor+propagation")
        }
    else:
        PEERS[peer](recorder)
    current: Floor | None = None
    async with connected(fastmcp=fastmcp, http=False, floor=lambda: current) as client:
        for line in sys.stdin:
            variant, calls = line.split()
            current = floors.get(variant)
            await call(client, current)
            gc.collect()
            started = time.process_time()
            for _ in range(int(calls)):
                await call(client, current)
            print(f"\n= {(time.process_time() - started) / int(calls) * 1e6}", flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(serve(sys.argv[1], sys.argv[2] == "fastmcp"))
