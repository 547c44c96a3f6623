"""Several processes that make one load test: each runs its share, and writes a result that is merged."""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from groundhog_otel.load.errors import LoadError, plainly
from groundhog_otel.load.merging import merge
from groundhog_otel.load.part import Part, Stop
from groundhog_otel.load.progress import Progress
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.result_files import read_result
from groundhog_otel.load.schedule import Share
from groundhog_otel.load.worker import LENGTH_BYTES

__all__ = ("run_workers",)

_LEAD_S: Final = 0.3
"""From the word to begin until it is time: all workers have heard it by then."""
_ENDING_S: Final = 20.0
"""How long a worker may take for its result after it was stopped."""
_LONGEST_LINE: Final = 1 << 20


async def run_workers(
    part: Part, *, progress: Callable[[Progress], None] = lambda _progress: None, stop: Stop | None = None
) -> LoadResult:
    """Run a test in ``part.config.workers`` processes and return the merged result.

    A worker that dies costs what it had measured; that is said in ``interrupted``.

    Raises:
        LoadError: a worker cannot reach the server, or the target cannot be handed to another process.
    """
    with TemporaryDirectory(prefix="groundhog-load-") as folder:
        crew = _Crew(part, Path(folder), progress)
        if stop is not None:
            stop.tell(crew.stop)
        return await crew.run()


class _Crew:
    def __init__(self, part: Part, folder: Path, progress: Callable[[Progress], None]) -> None:
        self._part, self._folder, self._progress = part, folder, progress
        count = part.config.workers
        self._latest: list[Progress | None] = [None] * count
        self._ready = 0
        self._results: list[Path] = []
        self._problems: list[str] = []
        self._dead: list[str] = []
        self._stopped: str | None = None
        self._told_to_begin = False
        self._letters: list[MemoryObjectSendStream[bytes]] = []

    async def run(self) -> LoadResult:
        with plainly():
            async with anyio.create_task_group() as tasks:
                for index in range(self._part.config.workers):
                    tasks.start_soon(self._worker, index)
        if self._problems:
            raise LoadError(self._problems[0])
        if not self._results:
            raise LoadError(f"No worker has a result: {'; '.join(self._dead) or self._stopped or 'none was started'}.")
        result = merge([read_result(file) for file in self._results])
        if self._dead:
            lost = f"{', '.join(self._dead)}: what it had measured is lost"
            result = replace(result, interrupted=result.interrupted or lost)
        return result

    def stop(self, why: str) -> None:
        self._stopped = self._stopped or why
        self._tell_all(f"stop {why}")

    def _tell_all(self, line: str) -> None:
        for letters in self._letters:
            letters.send_nowait(f"{line}\n".encode())

    async def _worker(self, index: int) -> None:
        """Start a worker, listen to it, and see it end."""
        file = self._folder / f"{index}.json"
        part = replace(self._part, share=Share(index, self._part.config.workers))
        try:
            work = pickle.dumps((part, file))
        except Exception as error:
            raise LoadError(
                f"The server cannot be tested by several processes ({error}): take one worker, or give its address."
            ) from None
        command: Sequence[str] = (sys.executable, "-m", "groundhog_otel.load.worker")
        send, letters = anyio.create_memory_object_stream[bytes](10)
        async with send, letters, await anyio.open_process(command, stderr=None, start_new_session=True) as process:
            try:
                self._letters.append(send)
                send.send_nowait(len(work).to_bytes(LENGTH_BYTES, "big") + work)
                if self._stopped is not None:
                    send.send_nowait(f"stop {self._stopped}\n".encode())
                async with anyio.create_task_group() as writing:
                    writing.start_soon(_write, process, letters)
                    await self._listen(index, process)
                    writing.cancel_scope.cancel()
            finally:
                self._letters.remove(send)
                with anyio.CancelScope(shield=True):
                    await _end(process)

    async def _listen(self, index: int, process: Process) -> None:
        heard = False
        lines = BufferedByteReceiveStream(process.stdout)  # type: ignore[arg-type] # checked by the caller
        while True:
            try:
                line = await lines.receive_until(b"\n", _LONGEST_LINE)
            except (anyio.IncompleteRead, anyio.EndOfStream):
                break
            told = json.loads(line)
            if "progress" in told:
                self._went_on(index, Progress(**{**told["progress"], "notes": tuple(told["progress"]["notes"])}))
            elif "ready" in told:
                self._ready += 1
                self._begin()
            else:
                heard = True
                if "result" in told:
                    self._results.append(Path(told["result"]))
                else:
                    self._problems.append(told["error"])
                    self.stop("another worker could not go on")
        if not heard:
            code = await process.wait()
            self._dead.append(f"worker {index} ended by {f'signal {-code}' if code < 0 else f'exit code {code}'}")
            if not self._told_to_begin:
                self.stop("a worker is missing")

    def _begin(self) -> None:
        if self._ready == self._part.config.workers and not self._told_to_begin:
            self._told_to_begin = True
            at_ns = time.time_ns() + int(_LEAD_S * 1e9)
            self._tell_all(f"begin {at_ns}")

    def _went_on(self, index: int, progress: Progress) -> None:
        self._latest[index] = progress
        if index != 0:
            return
        every = [one for one in self._latest if one is not None]
        due = [one.due_now for one in every if one.due_now is not None]
        self._progress(
            Progress(
                elapsed_s=progress.elapsed_s,
                remaining_s=progress.remaining_s,
                started=sum(one.started for one in every),
                finished=sum(one.finished for one in every),
                errors=sum(one.errors for one in every),
                in_flight=sum(one.in_flight for one in every),
                rate_now=sum(one.rate_now for one in every),
                due_now=sum(due) if due else None,
                # Of each worker's: the middle one, and the worst.
                p50_s=_middle([one.p50_s for one in every if one.p50_s is not None]),
                p99_s=max((one.p99_s for one in every if one.p99_s is not None), default=None),
                connections=sum(one.connections for one in every),
                workers=len(self._latest),
                notes=tuple(dict.fromkeys(note for one in every for note in one.notes)),
            )
        )


async def _write(process: Process, letters: MemoryObjectReceiveStream[bytes]) -> None:
    with suppress(anyio.BrokenResourceError):  # it has died, and that is heard elsewhere
        async for letter in letters:
            if process.stdin is not None:
                await process.stdin.send(letter)


async def _end(process: Process) -> None:
    """See a worker end: it stops by itself once its standard input is closed."""
    with anyio.move_on_after(_ENDING_S):
        if process.stdin is not None:
            await process.stdin.aclose()
        await process.wait()
    if process.returncode is None:
        process.kill()


def _middle(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None
