"""A server on stdio with a tool that computes, one that waits and one that allocates; run as a program by the tests.

Its first word names what it does with signals of its own before it serves.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import time

import anyio

from tests.support import sdk

KEPT: list[bytes] = []


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(100):
            pass


def keep(size: int) -> None:
    KEPT.append(bytes(size))


def heard(*_: object) -> None:
    print("the program's own handler", file=sys.stderr, flush=True)


def serve() -> None:
    server = sdk.make_server()

    @server.tool()
    async def hot(seconds: float) -> str:
        burn(seconds)
        return "hot"

    @server.tool()
    async def cool(seconds: float) -> str:
        await anyio.sleep(seconds)
        return "cool"

    @server.tool()
    async def hold(size: int) -> str:
        keep(size)
        return "held"

    server.run("stdio")


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "own":
        signal.signal(signal.SIGUSR2, heard)
    if what == "faulthandler":
        faulthandler.register(signal.SIGUSR2, file=sys.stderr)
    if what == "burn":
        print("ready", flush=True)
        while True:
            burn(0.05)
            time.sleep(0.005)
    serve()
