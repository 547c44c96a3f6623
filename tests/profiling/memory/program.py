"""A server whose memory does what memory does: caches fill, modules are loaded late, pools grow; and that may leak.

On stdio: ``python -m tests.profiling.memory.program REPORT LEAK_BYTES SEED``. It looks for a leak in itself, and writes
what it has found to REPORT.
"""

from __future__ import annotations

import functools
import importlib
import json
import random
import re
import sys
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

from tests.support import sdk

LEAKED: list[bytes] = []
LATE = ("xml.dom.minidom", "sqlite3", "tomllib" if sys.version_info >= (3, 11) else "cgi", "wave", "mailbox")


class Program:
    """What the tools keep, all of it bounded."""

    def __init__(self, leak_bytes: int, seed: int) -> None:
        self.leak_bytes = leak_bytes
        self.random = random.Random(seed)
        self.calls = 0
        self.recent: OrderedDict[int, bytes] = OrderedDict()
        self.log: deque[str] = deque(maxlen=150)
        self.pool: list[bytearray] = []
        self.latest = b""
        self.by_key = functools.lru_cache(maxsize=64)(self._looked_up)

    def _looked_up(self, key: int) -> bytes:
        return bytes(500 + key)

    def work(self) -> int:
        """Do what every call does; returns how many it has been."""
        self.calls += 1
        if self.calls % 60 == 0 and self.calls // 60 <= len(LATE):
            importlib.import_module(LATE[self.calls // 60 - 1])
        self.by_key(self.random.randrange(400))
        key = self.random.randrange(1000)
        self.recent[key] = bytes(self.random.randrange(200, 3000))
        if len(self.recent) > 100:
            self.recent.popitem(last=False)
        self.log.append(f"call {self.calls} of {key}")
        if len(self.pool) < 12 and self.random.random() < 0.2:
            self.pool.append(bytearray(20_000))
        re.search(rf"a{self.random.randrange(2000)}b", "text")  # re has a cache of its own
        self.latest = bytes(self.random.randrange(100_000))
        cycle: list[object] = [bytes(300)]
        cycle.append(cycle)
        if self.leak_bytes:
            LEAKED.append(bytes(self.leak_bytes))
        return self.calls


def make(leak_bytes: int, seed: int) -> Any:
    """Return a server with the tool ``work``."""
    server, program = sdk.make_server(), Program(leak_bytes, seed)

    @server.tool()
    async def work() -> int:
        return program.work()

    return server


def main(report: Path, leak_bytes: int, seed: int) -> None:
    """Serve on stdio until the input ends."""
    from opentelemetry.sdk.trace import TracerProvider

    from groundhog_otel.mcp import McpInstrumentor
    from groundhog_otel.profiling.memory import MemoryProfiler

    def write(found: Any) -> None:
        facts = {
            "verdict": found.verdict,
            "reason": found.reason,
            "bytes_per_call": found.bytes_per_call,
            "chain": found.chain and found.chain.steps,
            "lines": [(one.stack[-1].file, one.stack[-1].line, one.growth.per_call) for one in found.lines],
            "types": [(one.name, one.growth.per_call) for one in found.types],
            "pause": found.longest_pause_s,
            "memory": found.memory and (found.memory.per_call, found.memory.low, found.memory.high),
            "resident": found.resident and found.resident.per_call,
        }
        report.with_suffix(".part").write_text(json.dumps(facts))
        report.with_suffix(".part").rename(report)

    McpInstrumentor().instrument(tracer_provider=TracerProvider())
    server = make(leak_bytes, seed)
    MemoryProfiler().detect_leaks(tool="work", on_report=write)
    server.run("stdio")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
