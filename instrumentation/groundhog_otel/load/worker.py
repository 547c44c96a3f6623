"""A worker process of a load test: ``python -m groundhog_otel.load.worker``, started by :mod:`.workers`.

It reads its part from standard input (a pickle, after its length), then a line at a time: ``begin NANOSECONDS`` and
``stop WHY``. It writes a JSON object a line: ``ready``, ``progress``, ``result`` (the file it is in), ``error``. When
standard input ends, whoever started it is gone, and it stops.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import anyio
from anyio import from_thread, to_thread

from groundhog_otel.load.clock import precise_loop
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.part import Part, Stop
from groundhog_otel.load.progress import Progress
from groundhog_otel.load.result_files import write_result

__all__ = ("LENGTH_BYTES", "main")

LENGTH_BYTES = 8


def main() -> None:
    """Do the part."""
    # Whoever started us hears of Ctrl-C and tells us; it must not end us before what was measured is written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints is not to get between our lines.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines = sys.stdin.buffer
    part, result_file = pickle.loads(lines.read(int.from_bytes(lines.read(LENGTH_BYTES), "big")))  # noqa: S301 - our own
    anyio.run(_Worker(part, result_file, lines, out).run, backend_options={"loop_factory": precise_loop})


class _Worker:
    def __init__(self, part: Part, result_file: Path, lines: IO[bytes], out: IO[str]) -> None:
        self._part, self._file, self._lines, self._out = part, result_file, lines, out
        self._stop = Stop()
        self._begin_ns = 0
        self._begun = anyio.Event()

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            try:
                result = await self._part.run(progress=self._progress, begin_at=self._begin_at, stop=self._stop)
                write_result(result, self._file)
                self._say(result=str(self._file))
            except LoadError as error:
                self._say(error=str(error))
            tasks.cancel_scope.cancel()

    def _say(self, **what: Any) -> None:
        with suppress(BrokenPipeError):
            self._out.write(json.dumps(what) + "\n")
            self._out.flush()

    def _progress(self, progress: Progress) -> None:
        self._say(progress=asdict(progress))

    async def _begin_at(self) -> int:
        self._say(ready=True)
        await self._begun.wait()
        return self._begin_ns

    async def _listen(self) -> None:
        await to_thread.run_sync(self._read_lines, abandon_on_cancel=True)

    def _read_lines(self) -> None:
        with suppress(RuntimeError):  # the loop is over
            for line in self._lines:
                from_thread.run_sync(self._told, line.decode())
            from_thread.run_sync(self._told, "stop whoever started it has gone")

    def _told(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if word == "begin":
            self._begin_ns = int(rest)
        else:
            self._stop(rest)
        self._begun.set()


if __name__ == "__main__":
    main()
