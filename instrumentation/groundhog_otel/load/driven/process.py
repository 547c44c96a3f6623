"""The process itself: ``python -m groundhog_otel.load.driven.process``. What is said with it: :mod:`.order`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio import StreamReader, StreamReaderProtocol
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groundhog_otel.load.driven.engine import Driven
from groundhog_otel.load.driven.order import Order, read_order
from groundhog_otel.load.engine.logs import quiet
from groundhog_otel.load.engine.messages import LINE_BYTES, line, message
from groundhog_otel.load.engine.recorder import Observer
from groundhog_otel.load.engine.share import Hooks, freeze
from groundhog_otel.load.engine.worker import Out
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.plan import Scenario
from groundhog_otel.load.preparing import Prepared, prepared
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.scenarios.reading import read_scenarios
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.telemetered import Metering

__all__ = ("main",)

Say = Callable[..., None]


def main() -> None:
    """Do what is ordered on standard input, and tell of it on standard output."""
    # Whoever has started us hears of Ctrl-C, and tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a server's or a user's code prints is not to get among the messages.
    out = os.dup(1)
    os.dup2(2, 1)
    quiet()
    asyncio.run(_work(out))


async def _work(out: int) -> None:
    loop = asyncio.get_running_loop()
    reader = StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: StreamReaderProtocol(reader), sys.stdin)
    # Written without waiting: requests are timed while somebody is slow to read of the last ones.
    gone: asyncio.Future[None] = loop.create_future()
    writer, _ = await loop.connect_write_pipe(lambda: Out(gone), os.fdopen(out, "wb", buffering=0))

    def say(**said: Any) -> None:
        if not writer.is_closing():
            writer.write(line(**said))

    try:
        await _follow(await read_order(reader), reader, say)
    except LoadError as error:
        say(failed=str(error))
    writer.close()
    await gone


@dataclass(frozen=True, slots=True)
class _Telling:
    """Tells of each request, beside its metrics."""

    inner: Observer | None
    say: Say

    def record(self, operation: str, *, response_s: float, delay_s: float, error: str | None = None) -> None:
        if self.inner is not None:
            self.inner.record(operation, response_s=response_s, delay_s=delay_s, error=error)
        self.say(request=operation, response_s=response_s, error=error)

    def close(self) -> None:
        if self.inner is not None:
            self.inner.close()


async def _follow(order: Order, reader: StreamReader, say: Say) -> None:
    telemetry = Telemetry.chosen(order.run_id, order.telemetry)
    kinds: list[tuple[Scenario, ...]] = []
    notes: dict[str, None] = {}
    for kind in order.kinds:
        ready = await _prepared(order, kind, telemetry)
        kinds.append(ready.config.test_scenarios)
        notes |= dict.fromkeys(ready.notes)
    spans, metering = telemetry.span_writer(), Metering(telemetry)
    if spans is not None:
        spans.served_by(ready.server, getattr(ready.target, "url", None))
    engine = Driven(
        ready.target,
        order.config,
        kinds,
        run_id=order.run_id,
        worker=order.worker,
        hooks=Hooks(
            on_remembered=None if spans is None else spans.write,
            observe=lambda in_flight: _Telling(metering(in_flight), say),
        ),
        say=say,
    )
    freeze()
    say(ready=list(notes))
    while raw := await reader.readline():
        said = message(raw)
        if "go" in said:
            engine.go(said["go"], said["due_ns"])
        elif "open" in said:
            engine.open(said["open"], said["kind"])
        elif "leave" in said:
            engine.leave(said["leave"])
        elif "drain" in said:
            await engine.drained()
            say(drained=True)
        else:
            break
    result = await engine.end()
    if spans is not None:
        await asyncio.to_thread(spans.close)
    order.file.parent.mkdir(parents=True, exist_ok=True)
    result_files.write(result, order.file)
    say(ended=sum(one.count for one in result.operations))


async def _prepared(order: Order, kind: tuple[Scenario, ...] | str, telemetry: Telemetry) -> Prepared:
    target = target_for(order.server, **order.options)
    scenarios = read_scenarios(Path(kind)) if isinstance(kind, str) else kind
    return await prepared(target, replace(order.config, test_scenarios=scenarios), telemetry)


if __name__ == "__main__":
    main()
