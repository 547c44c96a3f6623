"""The process itself: ``python -m groundhog_otel.load.driven.process``. What is spoken with it: :mod:`.order`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

import anyio
from anyio.abc import TaskGroup

from groundhog_otel.load.clock import precise_loop
from groundhog_otel.load.driven.engine import Driven
from groundhog_otel.load.driven.order import Order, read_order
from groundhog_otel.load.errors import LoadError, plainly
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.plan import Scenario
from groundhog_otel.load.preparing import prepared
from groundhog_otel.load.recorder import Listener
from groundhog_otel.load.result import Request
from groundhog_otel.load.result_files import write_result
from groundhog_otel.load.scenarios.reading import read_scenarios
from groundhog_otel.load.session import Target
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.telemetered import Telemetered

__all__ = ("main",)

_CLOSING_S: Final = 5.0
"""How long sessions may take to be closed."""


def main() -> None:
    """Do what is ordered."""
    # Whoever started us hears of Ctrl-C and tells us; it must not end us before what was measured is written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints is not to get between our lines.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    order = read_order(sys.stdin.buffer)
    anyio.run(_work, order, sys.stdin.buffer, out, backend_options={"loop_factory": precise_loop})


class _Mouth(asyncio.BaseProtocol):
    """Says lines without ever waiting for whoever listens: requests are being timed meanwhile."""

    def __init__(self) -> None:
        self.transport: asyncio.WriteTransport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - of connect_write_pipe
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is over either way
        self.closed.set()

    def say(self, *what: Any) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(json.dumps(what).encode() + b"\n")

    async def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
            with anyio.move_on_after(5.0):
                await self.closed.wait()


class _Telling(Listener):
    """Tells of each request, and hands it on."""

    def __init__(self, inner: Listener, mouth: _Mouth) -> None:
        self._inner, self._say = inner, mouth.say

    def remembered(self, request: Request) -> None:
        self._inner.remembered(request)

    def finished(self, operation: str, *, response_s: float, delay_s: float, error: str | None) -> None:
        self._inner.finished(operation, response_s=response_s, delay_s=delay_s, error=error)
        self._say("request", operation, response_s, error)


async def _work(order: Order, stdin: IO[bytes], stdout: IO[bytes]) -> None:
    loop = asyncio.get_running_loop()
    mouth = _Mouth()
    await loop.connect_write_pipe(lambda: mouth, stdout)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdin)
    try:
        with plainly():
            await _follow(order, _lines(reader), mouth)
    except LoadError as error:
        mouth.say("error", str(error))
    await mouth.close()


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[list[Any]]:
    while line := await reader.readline():
        yield json.loads(line)


async def _follow(order: Order, lines: AsyncIterator[list[Any]], mouth: _Mouth) -> None:
    telemetry = Telemetry.chosen(order.run_id, order.telemetry)
    target, kinds, notes = await _prepared(order, telemetry)
    inner = Telemetered(telemetry, url=getattr(target, "url", None))
    engine = Driven(
        target, order.config, kinds, run_id=order.run_id, worker=order.worker, listener=_Telling(inner, mouth)
    )
    inner.active, engine.on_server, engine.say = lambda: engine.in_flight, inner.served_by, mouth.say
    mouth.say("ready", notes)
    try:
        with engine.watch:
            async with anyio.create_task_group() as ticking:
                ticking.start_soon(engine.tick)
                async with anyio.create_task_group() as tasks:
                    async for word, *rest in lines:
                        if word == "end":
                            break
                        await _obey(engine, tasks, word, rest)
                    await engine.drained()
                    tasks.cancel_scope.deadline = anyio.current_time() + _CLOSING_S
                ticking.cancel_scope.cancel()
            result = engine.result()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(inner.close)
    write_result(result, order.file)
    mouth.say("ended", sum(one.count for one in result.operations))


async def _obey(engine: Driven, tasks: TaskGroup, word: str, rest: list[Any]) -> None:
    if word == "open":
        engine.open(tasks, *rest)
    elif word == "go":
        engine.go(tasks, *rest)
    elif word == "leave":
        engine.leave(*rest)
    else:
        await engine.drained()
        engine.say("drained")


async def _prepared(
    order: Order, telemetry: Telemetry
) -> tuple[Target, tuple[tuple[Scenario, ...], ...], tuple[str, ...]]:
    target = target_for(order.server, **order.options)
    kinds: list[tuple[Scenario, ...]] = []
    notes: dict[str, None] = {}
    for kind in order.kinds:
        scenarios = read_scenarios(Path(kind)) if isinstance(kind, str) else kind
        ready = await prepared(target, replace(order.config, test_scenarios=scenarios), telemetry)
        kinds.append(ready.config.test_scenarios)
        notes |= dict.fromkeys(ready.notes)
    return ready.target, tuple(kinds), tuple(notes)


if __name__ == "__main__":
    main()
