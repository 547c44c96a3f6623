"""One process under callgrind: counts the instructions of a fixed number of calls. ``bench.instructions`` starts it.

Usage: ``python -m bench.counting CALLS VARIANT[:PARTS]...``, where PARTS is how many parts of the SDK are taken away
(``bench.ablation``). Start-up is not counted: callgrind is switched on for the
calls of one variant at a time, and leaves one file of counts for each.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys

from bench.ablation import without
from bench.floor import call, server
from bench.variants import Variants
from tests.support import sdk

WARM_UP = 200
"""Calls before the count. A switch changes classes, and the interpreter unlearns what it has specialised for them; it
takes it some sixty misses at a place to learn it anew."""


def _callgrind(*arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments, str(os.getpid())], stdout=subprocess.DEVNULL, check=True)


async def count(calls: int, names: list[str]) -> None:
    variants = Variants()
    result_type = sdk.mcp_types().CallToolResult
    async with sdk.in_memory(server(lambda: variants.floor)) as session:
        for name in names:
            variant, _, parts = name.partition(":")
            with variants.switched_on(variant), without(int(parts or 0)):
                for _ in range(WARM_UP):
                    await call(session, result_type, variants.floor)
                gc.collect()
                gc.disable()  # a collection belongs to no call in particular
                _callgrind("--instr=on")
                for _ in range(calls):
                    await call(session, result_type, variants.floor)
                _callgrind("--instr=off")
                _callgrind(f"--dump={name}")
                gc.enable()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(count(int(sys.argv[1]), sys.argv[2:]))
