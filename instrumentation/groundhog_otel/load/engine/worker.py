"""A worker process of a load test, started by :mod:`groundhog_otel.load.engine.workers` as ``python -m``."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio import StreamReader, StreamReaderProtocol
from dataclasses import asdict

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.keeping import keep
from groundhog_otel.load.engine.logs import quiet
from groundhog_otel.load.engine.messages import LINE_BYTES, line, message, read_job, tick_message
from groundhog_otel.load.engine.share import Hooks, run_share
from groundhog_otel.load.engine.stopping import Stop, on_signals
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.results import files as result_files

__all__ = ("Out", "main")

_ORPHANED = "the process that had started the workers is gone"


def main() -> None:
    """Do the job that standard input tells, and report on standard output."""
    # What a server's or a user's code prints is not to get among the messages.
    out = os.dup(1)
    os.dup2(2, 1)
    quiet()
    asyncio.run(_work(out))


class Out(asyncio.BaseProtocol):
    """Tells when all is written, or nobody reads any more."""

    def __init__(self, gone: asyncio.Future[None]) -> None:
        self._gone = gone

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it by that name
        """Take note that the pipe is closed."""
        if not self._gone.done():
            self._gone.set_result(None)


async def _work(out: int) -> None:
    loop = asyncio.get_running_loop()
    reader = StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: StreamReaderProtocol(reader), sys.stdin)
    # Written without waiting: a parent that is slow to read is not to hold up the schedule.
    gone: asyncio.Future[None] = loop.create_future()
    writer, _ = await loop.connect_write_pipe(lambda: Out(gone), os.fdopen(out, "wb", buffering=0))
    stop = Stop()
    with on_signals(stop):
        try:
            writer.write(line(ended=await _job(reader, writer, stop)))
        except LoadError as error:
            writer.write(line(ended=str(error)))
        except EOFError:
            pass
    writer.close()
    await gone


async def _job(reader: StreamReader, writer: asyncio.WriteTransport, stop: Stop) -> str | None:
    """Do it; return why it has ended before its time, if it has."""
    job = await read_job(reader)
    begin: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    listening = asyncio.create_task(_listen(reader, begin, stop))

    async def gate(clock: Clock) -> int:
        writer.write(line(ready=True))
        return clock.from_1970(await begin)

    kept = job.kept.open("wb")
    hooks = Hooks(
        on_kept=lambda record: keep(record, kept),
        on_tick=lambda tick: writer.write(tick_message(tick)),
        on_remembered=(lambda request: writer.write(line(remembered=asdict(request)))) if job.remembered else None,
        observe=job.observe,
    )
    try:
        result = await run_share(
            job.target, job.config, run_id=job.run_id, stop=stop, share=job.share, hooks=hooks, gate=gate
        )
        result_files.write(result, job.file)
        return result.interrupted
    finally:
        kept.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(reader: StreamReader, begin: asyncio.Future[int], stop: Stop) -> None:
    while raw := await reader.readline():
        said = message(raw)
        if "start" in said and not begin.done():
            begin.set_result(said["start"])
        if "stop" in said:
            stop.tell(said["stop"])
            if said["at_once"]:
                stop.insist()
    stop.tell(_ORPHANED)


if __name__ == "__main__":
    main()
