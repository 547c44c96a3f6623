"""All variants on one SDK, in one process: they take turns at batches of ``tools/call`` over an in-memory session.

Usage: ``python -m bench.worker ROUNDS CALLS [VARIANT...]``; answers with a JSON object: per way to call
(``sequential``, ``parallel``: all calls of a batch at once) and variant, the µs of CPU time per call, both sides
together, of every batch.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from bench.floor import call, server
from bench.variants import VARIANTS, Variants
from tests.support import sdk

WAYS = ("sequential", "parallel")
WARM_UP = 80
"""Calls before a batch. A switch changes classes, and the interpreter unlearns what it has specialised for them; it
takes it some sixty misses at a place to learn it anew."""
Batches = dict[str, dict[str, list[float]]]


async def measure(rounds: int, calls: int, names: Sequence[str]) -> Batches:
    variants = Variants()
    result_type = sdk.mcp_types().CallToolResult
    found: Batches = {way: {name: [] for name in names} for way in WAYS}
    order = [(way, name) for way in WAYS for name in names]
    shuffled = random.Random(0)
    async with sdk.in_memory(server(lambda: variants.floor)) as session:

        async def one() -> Any:
            return await call(session, result_type, variants.floor)

        async def batch(way: str, name: str, size: int) -> float:
            with variants.switched_on(name):
                for _ in range(WARM_UP):
                    await one()
                gc.collect()
                started = time.process_time()
                if way == "parallel":
                    await asyncio.gather(*(one() for _ in range(size)))
                else:
                    for _ in range(size):
                        await one()
                return (time.process_time() - started) / size * 1e6

        for way, name in order:
            await batch(way, name, calls * 2)
        gc.collect()
        gc.freeze()  # what start-up has left behind is nobody's cost
        for _ in range(rounds):
            shuffled.shuffle(order)
            for way, name in order:
                found[way][name].append(await batch(way, name, calls))
    return found


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or VARIANTS))))
