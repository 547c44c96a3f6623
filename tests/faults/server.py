"""A server that is fast and does its waiting well, with at most one fault.

Usage: python -m tests.faults.server [--fault NAME] [--seed N] [--transport stdio|http]. Over HTTP it prints its URL,
and ends with its standard input.
"""

from __future__ import annotations

import argparse
import functools
import gc
import hashlib
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
from opentelemetry import trace

from tests.faults.faults import CLEAN, FAULTS
from tests.support import sdk

_TEXT = "All that glitters is not gold. " * 60


def make_server(fault: str, seed: int) -> Any:
    """Return a server with the tools that are in order, and those of the fault."""
    server = sdk.make_server()
    _sound(server, random.Random(seed))
    if fault != CLEAN:
        FAULTY[fault](server, random.Random(seed + 1))
    return server


def _sound(server: Any, chance: random.Random) -> None:
    @server.tool()
    async def search(query: str) -> str:
        await anyio.sleep(chance.uniform(0.008, 0.02))
        return ",".join(str(len(query) * step) for step in range(1, 6))

    @server.tool()
    async def fetch(document: str) -> str:
        await anyio.sleep(chance.uniform(0.006, 0.012))
        return document + _TEXT

    @server.tool()
    async def summarize(text: str) -> str:
        digest = text.encode()
        for _ in range(500):
            digest = hashlib.sha256(digest).digest()
        await anyio.sleep(chance.uniform(0.01, 0.02))
        return digest.hex()

    @server.tool()
    def convert(amount: int) -> float:
        time.sleep(chance.uniform(0.004, 0.008))  # a library that knows no async: the SDK gives it a worker thread
        return amount * 1.1


def _repeated_calls(server: Any, chance: random.Random) -> None:
    @server.tool()
    async def rates(currency: str) -> float:
        await anyio.sleep(chance.uniform(0.02, 0.03))
        return 1.1


def _client_side(_server: Any, _chance: random.Random) -> None:
    """The fault is in how the client goes about it; the server is in order."""


def _large_payloads(server: Any, _chance: random.Random) -> None:
    @server.tool()
    async def export(part: int) -> str:
        await anyio.sleep(0.005)
        return "0123456789abcdef" * 65_536  # 1 MiB


def _cpu_bound(server: Any, _chance: random.Random) -> None:
    @server.tool()
    def checksum(name: str) -> str:
        digest, began = name.encode(), time.thread_time()
        while time.thread_time() - began < 0.06:
            digest = hashlib.sha256(digest).digest()
        return digest.hex()


def _sequential_calls(server: Any, chance: random.Random) -> None:
    @server.tool()
    async def weather(city: str) -> str:
        await anyio.sleep(chance.uniform(0.03, 0.04))
        return city

    server.tool(name="news")(weather)
    server.tool(name="stocks")(weather)


def _n_plus_one(server: Any, chance: random.Random) -> None:
    @server.tool()
    async def orders(customer: str) -> str:
        await anyio.sleep(chance.uniform(0.008, 0.012))
        return ",".join(f"{customer}-{number}" for number in range(14))

    @server.tool()
    async def order(number: str) -> str:
        await anyio.sleep(chance.uniform(0.008, 0.012))
        return number


def _retries(server: Any, chance: random.Random) -> None:
    seen: set[str] = set()

    @server.tool()
    async def quote(symbol: str) -> str:
        await anyio.sleep(chance.uniform(0.02, 0.03))
        if symbol not in seen:
            seen.add(symbol)
            raise RuntimeError("the exchange is busy")
        return symbol


def _cold_start(server: Any, _chance: random.Random) -> None:
    @functools.cache
    def model() -> str:
        time.sleep(0.4)
        return "model"

    @server.tool()
    def predict(sample: int) -> str:
        time.sleep(0.005)
        return model() + str(sample)


def _blocking_call(server: Any, _chance: random.Random) -> None:
    @server.tool()
    async def render(page: int) -> int:
        time.sleep(0.25)  # noqa: ASYNC251 - the fault
        return page


def _worker_threads(server: Any, _chance: random.Random) -> None:
    @server.tool()
    async def warm(threads: int) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads

    @server.tool()
    def scan(shelf: int) -> int:
        time.sleep(0.06)
        return shelf


def _gc_pauses(_server: Any, _chance: random.Random) -> None:
    catalogue = [{"number": number, "name": [number]} for number in range(60_000)]

    def save_memory() -> None:
        while catalogue:
            time.sleep(0.1)
            gc.collect()  # somebody thought that it helps

    threading.Thread(target=save_memory, daemon=True).start()


def _contention(server: Any, _chance: random.Random) -> None:
    lock = anyio.Lock()

    @server.tool()
    async def reserve(seat: int) -> int:
        await anyio.sleep(0.01)
        async with lock:
            await anyio.sleep(0.01)
        return seat


def _contrast(server: Any, chance: random.Random) -> None:
    @server.tool()
    async def balance(tenant: str, account: int) -> str:
        trace.get_current_span().set_attribute("app.tenant", tenant)
        await anyio.sleep(chance.uniform(0.008, 0.02) * (10 if tenant == "globex" else 1))
        return f"{tenant} {account}"


def _tail_amplification(server: Any, chance: random.Random) -> None:
    @server.tool()
    async def shard(number: int) -> int:
        await anyio.sleep(0.5 if chance.random() < 0.05 else chance.uniform(0.006, 0.01))
        return number


FAULTY: dict[str, Callable[[Any, random.Random], None]] = {
    "repeated_calls": _repeated_calls,
    "uncached_lists": _client_side,
    "large_payloads": _large_payloads,
    "cpu_bound": _cpu_bound,
    "sequential_calls": _sequential_calls,
    "n_plus_one": _n_plus_one,
    "retries": _retries,
    "connection_churn": _client_side,
    "cold_start": _cold_start,
    "blocking_call": _blocking_call,
    "worker_threads": _worker_threads,
    "gc_pauses": _gc_pauses,
    "contention": _contention,
    "contrast": _contrast,
    "tail_amplification": _tail_amplification,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=(CLEAN, *FAULTS), default=CLEAN)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--transport", choices=("stdio", "http"), default="stdio")
    wanted = parser.parse_args()
    if wanted.transport == "stdio":
        make_server(wanted.fault, wanted.seed).run("stdio")
    else:
        with sdk.http_server(make=lambda: make_server(wanted.fault, wanted.seed)) as url:
            print(url, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
