"""A client that goes about its everyday business with a server, and does at most one thing wrong.

Usage: python -m tests.faults.client [--fault NAME] [--seed N] (--url URL | -- COMMAND …).
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
from opentelemetry import trace

from tests.faults.faults import CLEAN, FAULTS, SERVER
from tests.support import sdk

_TURNS = 10
_FEW_TURNS = 2
"""Where the fault is seen in what the client does altogether."""
_tracer = trace.get_tracer("tests.faults.agent")


class Peer:
    """Opens sessions with the server."""

    def __init__(self, url: str | None, command: list[str]) -> None:
        self._url = url
        self._command = command

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        """Connect: over stdio to a process of its own."""
        if self._url is not None:
            async with sdk.over_http(self._url) as session:
                yield session
        else:
            async with sdk.over_stdio(*self._command, env={**os.environ, "OTEL_SERVICE_NAME": SERVER}) as session:
                yield session


async def _call(session: Any, tool: str, **arguments: Any) -> str:
    """Return what a tool answers; an error of it is an empty answer."""
    answer = (await session.call_tool(tool, arguments)).model_dump(by_alias=True)
    return "" if answer["isError"] else str(answer["content"][0]["text"]) if answer["content"] else "done"


async def everyday(session: Any, chance: random.Random, turns: int) -> None:
    """Turns of an agent: each call needs what the one before has answered, and what does not is made at once."""
    await session.list_tools()
    for _ in range(turns):
        with _tracer.start_as_current_span("turn"):
            found = (await _call(session, "search", query=f"query {chance.random()}")).split(",")
            async with anyio.create_task_group() as tasks:
                for number in chance.sample(found, 3):
                    tasks.start_soon(_fetch, session, f"{number} of {chance.random()}")
            await _call(session, "summarize", text=f"{found} {chance.random()}")
        if chance.random() < 0.5:
            await _call(session, "convert", amount=chance.randrange(1_000_000))
        await anyio.sleep(chance.uniform(0.02, 0.06))


async def _fetch(session: Any, document: str) -> None:
    await _call(session, "fetch", document=document)


async def _repeated_calls(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for number in range(16):
            with _tracer.start_as_current_span("price"):
                await _call(session, "rates", currency="EUR")
                await _call(session, "convert", amount=number)
            await anyio.sleep(0.05)


async def _uncached_lists(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for number in range(20):
            await session.list_tools()
            await _call(session, "convert", amount=number)
            await anyio.sleep(0.03)


async def _large_payloads(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for part in range(12):
            await _call(session, "export", part=part)
            await anyio.sleep(0.05)


async def _cpu_bound(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for number in range(15):
            await _call(session, "checksum", name=f"file {number}")
            await anyio.sleep(0.02)


async def _sequential_calls(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for number in range(15):
            with _tracer.start_as_current_span("brief"):
                for tool in chance.sample(["weather", "news", "stocks"], 3):
                    await _call(session, tool, city=f"city {number}")
            await anyio.sleep(0.02)


async def _n_plus_one(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for customer in range(6):
            with _tracer.start_as_current_span("invoice"):
                for number in (await _call(session, "orders", customer=str(customer))).split(","):
                    await _call(session, "order", number=number)


async def _retries(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for number in range(12):
            with _tracer.start_as_current_span("trade"):
                for attempt in range(3):
                    await anyio.sleep(0.05 * attempt)
                    if await _call(session, "quote", symbol=f"S{number}"):
                        break


async def _connection_churn(peer: Peer, chance: random.Random) -> None:
    for number in range(15):
        async with peer.session() as session:
            await _call(session, "convert", amount=number)


async def _cold_start(peer: Peer, chance: random.Random) -> None:
    for process in range(3):
        async with peer.session() as session:
            for number in range(15):
                await _call(session, "predict", sample=process * 100 + number)


async def _blocking_call(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for page in range(8):
            await _call(session, "render", page=page)
            await anyio.sleep(0.1)


async def _worker_threads(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        await _call(session, "warm", threads=4)
        await _at_once(session, "scan", "shelf", callers=12, calls=8)


async def _gc_pauses(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        await everyday(session, chance, 3 * _TURNS)


async def _contention(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for callers in (1, 2, 4, 8, 16):
            await _at_once(session, "reserve", "seat", callers=callers, calls=max(48 // callers, 4))


async def _at_once(session: Any, tool: str, argument: str, *, callers: int, calls: int) -> None:
    async def caller(number: int) -> None:
        for turn in range(calls):
            await _call(session, tool, **{argument: 10_000_000 + callers * 100_000 + number * 1000 + turn})

    async with anyio.create_task_group() as tasks:
        for number in range(callers):
            tasks.start_soon(caller, number)


async def _contrast(peer: Peer, chance: random.Random) -> None:
    async with peer.session() as session:
        for account in range(60):
            tenant = chance.choice(["acme", "globex", "initech", "hooli"])
            await _call(session, "balance", tenant=tenant, account=account)


async def _tail_amplification(peer: Peer, chance: random.Random) -> None:
    async def ask(session: Any, number: int) -> None:
        await _call(session, "shard", number=number)

    async with peer.session() as session:
        for turn in range(40):
            with _tracer.start_as_current_span("gather"):
                async with anyio.create_task_group() as tasks:
                    for number in range(6):
                        tasks.start_soon(ask, session, turn * 100 + number)


FAULTY: dict[str, Callable[[Peer, random.Random], Coroutine[Any, Any, None]]] = {
    "repeated_calls": _repeated_calls,
    "uncached_lists": _uncached_lists,
    "large_payloads": _large_payloads,
    "cpu_bound": _cpu_bound,
    "sequential_calls": _sequential_calls,
    "n_plus_one": _n_plus_one,
    "retries": _retries,
    "connection_churn": _connection_churn,
    "cold_start": _cold_start,
    "blocking_call": _blocking_call,
    "worker_threads": _worker_threads,
    "gc_pauses": _gc_pauses,
    "contention": _contention,
    "contrast": _contrast,
    "tail_amplification": _tail_amplification,
}


async def run(fault: str, seed: int, peer: Peer) -> None:
    """Go about two sessions of everyday business at once, and the fault beside them."""
    turns = _FEW_TURNS if fault == "connection_churn" else _TURNS
    async with anyio.create_task_group() as tasks:
        for number in range(2):
            tasks.start_soon(_everyday, peer, random.Random(seed * 10 + number), turns)
        if fault != CLEAN:
            tasks.start_soon(FAULTY[fault], peer, random.Random(seed))


async def _everyday(peer: Peer, chance: random.Random, turns: int) -> None:
    async with peer.session() as session:
        await everyday(session, chance, turns)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=(CLEAN, *FAULTS), default=CLEAN)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url")
    parser.add_argument("command", nargs="*")
    wanted = parser.parse_args()
    anyio.run(run, wanted.fault, wanted.seed, Peer(wanted.url, wanted.command))


if __name__ == "__main__":
    main()
