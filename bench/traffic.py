"""What counting bytes adds to each read, write and ASGI event, beside the bare call.

``python -m bench.traffic [--rounds N]`` prints a markdown table of nanoseconds per call: N rounds, each a thousand
calls of every contender in a new order; a contender keeps the least and the median of its rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

from groundhog_otel.mcp import counting

_CALLS = 1000
_LINE = b"x" * 200
_EVENT = {"type": "http.response.body", "body": _LINE}


def _calls(call: Callable[..., Any], *args: Any) -> float:
    begun = perf_counter_ns()
    for _ in range(_CALLS):
        call(*args)
    return (perf_counter_ns() - begun) / _CALLS


def _awaits(call: Callable[..., Any], *args: Any) -> float:
    async def run() -> float:
        begun = perf_counter_ns()
        for _ in range(_CALLS):
            await call(*args)
        return (perf_counter_ns() - begun) / _CALLS

    return asyncio.run(run())


class _File(io.BytesIO):
    def read1(self, size: int | None = -1, /) -> bytes:
        del size
        return _LINE

    def write(self, data: Any, /) -> int:
        return len(data)


async def _receive() -> dict[str, Any]:
    return _EVENT


async def _send(_message: Any) -> None:
    return None


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    rounds: int = parser.parse_args().rounds
    bare, counted = _File(), counting._CountedFile(_File())
    receive, send = counting._counted_receive(_receive), counting.counted_send(_send)
    entered: dict[str, Callable[[], float]] = {
        "pipe, read: bare": lambda: _calls(bare.read1, 8192),
        "pipe, read: counted": lambda: _calls(vars(counted)["read1"], 8192),
        "pipe, write: bare": lambda: _calls(bare.write, _LINE),
        "pipe, write: counted": lambda: _calls(counted.write, _LINE),
        "ASGI, receive: bare": lambda: _awaits(_receive),
        "ASGI, receive: counted": lambda: _awaits(receive),
        "ASGI, send: bare": lambda: _awaits(_send, _EVENT),
        "ASGI, send: counted": lambda: _awaits(send, _EVENT),
    }
    spent: dict[str, list[float]] = {name: [] for name in entered}
    for _ in range(rounds):
        for name in random.sample(list(entered), len(entered)):
            spent[name].append(entered[name]())
    print("| contender | least, ns | median, ns |\n|---|--:|--:|")
    for name, found in spent.items():
        print(f"| {name} | {min(found):.0f} | {median(found):.0f} |")


if __name__ == "__main__":
    main()
