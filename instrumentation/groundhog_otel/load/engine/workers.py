"""A load test in several processes that begin at the same moment, each with its share; their results made one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from groundhog_otel.load.beginning import Beginning
from groundhog_otel.load.engine.keeping import kept_result
from groundhog_otel.load.engine.messages import LINE_BYTES, Job, line, message, tick_from, written_job
from groundhog_otel.load.engine.outcome import Test
from groundhog_otel.load.engine.progress import Tick, combined
from groundhog_otel.load.engine.schedule import WHOLE, Share
from groundhog_otel.load.engine.share import GRACE_S, Hooks
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.engine.ticking import TICK_S
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.merging import merge
from groundhog_otel.load.results.result import LoadResult, Lost, Request
from groundhog_otel.load.session import Target
from groundhog_otel.load.validation import require_valid
from groundhog_otel.settings import inherited

__all__ = ("run_workers",)

_SOON_NS: Final = 200_000_000
_END_S: Final = GRACE_S + 20.0
"""How long a worker has, once it was told to stop: its grace, and closing sessions."""


async def run_workers(
    target: Target,
    config: LoadTestConfig,
    *,
    run_id: str,
    stop: Stop,
    share: Share = WHOLE,
    hooks: Hooks | None = None,
    begin_at: Beginning | None = None,
) -> LoadResult:
    """Do a share of a test that has scenarios in ``config.workers`` processes, and return what all have measured.

    They begin as soon as all sessions are open, or at the moment that other machines know as well.

    Raises:
        LoadError: the configuration is wrong, the server cannot be reached to begin with, or the test cannot leave this
            process.
    """
    require_valid(config, share.part(0, config.workers))
    hooks = hooks or Hooks()
    with TemporaryDirectory(prefix="groundhog-load-") as folder:
        workers = [
            _Worker(number, Path(folder, f"worker-{number}.json"), hooks) for number in range(1, config.workers + 1)
        ]
        tests = [
            Test(run_id, target.name, config, share.part(number, config.workers)) for number in range(config.workers)
        ]
        jobs = [
            written_job(
                Job(
                    target=target,
                    config=config,
                    share=test.share,
                    run_id=run_id,
                    file=worker.file,
                    kept=worker.kept,
                    remembered=hooks.on_remembered is not None,
                    observe=hooks.observe,
                )
            )
            for worker, test in zip(workers, tests, strict=True)
        ]
        try:
            await _run(workers, jobs, stop, hooks, begin_at)
        finally:
            await asyncio.gather(*(worker.end() for worker in workers))
        return _result(workers, tests, stop)


async def _run(
    workers: Sequence[_Worker], jobs: Sequence[bytes], stop: Stop, hooks: Hooks, begin_at: Beginning | None
) -> None:
    for worker, job in zip(workers, jobs, strict=True):
        await worker.start(job)
    beside = [
        asyncio.create_task(_tell_stop(workers, stop)),
        asyncio.create_task(_tick(workers, hooks)),
        *(asyncio.create_task(_mind(worker, stop)) for worker in workers),
    ]
    try:
        await asyncio.gather(*(worker.ready.wait() for worker in workers))
        if all(worker.over is None for worker in workers):
            begin_ns = time.time_ns() + _SOON_NS if begin_at is None else begin_at.moment_ns()
            for worker in workers:
                worker.tell(start=begin_ns)
        await asyncio.gather(*(worker.reading for worker in workers))
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _tell_stop(workers: Sequence[_Worker], stop: Stop) -> None:
    for insisting in (False, True):
        await stop.told(insisting=insisting)
        for worker in workers:
            worker.tell(stop=stop.why, at_once=insisting)


async def _mind(worker: _Worker, stop: Stop) -> None:
    """End the test when a worker has ended early: what is left of it is not what was asked for."""
    await worker.reading
    if worker.over is not None:
        stop.tell(worker.over)


async def _tick(workers: Sequence[_Worker], hooks: Hooks) -> None:
    while hooks.on_tick is not None:
        await asyncio.sleep(TICK_S)
        ticks = [worker.tick for worker in workers if worker.tick is not None]
        if ticks:
            hooks.on_tick(Tick(combined(ticks)))


def _result(workers: Sequence[_Worker], tests: Sequence[Test], stop: Stop) -> LoadResult:
    found, lost = [], []
    for worker, test in zip(workers, tests, strict=True):
        result, whole = worker.result(test)
        if result is not None:
            found.append(result)
        if not whole:
            lost.append((test.share.index, 0.0 if result is None else result.duration_s))
    if found:
        merged = merge(found)
        missing = tuple(Lost(index, from_s, merged.duration_s) for index, from_s in lost)
        return replace(merged, interrupted=stop.why or merged.interrupted, lost=missing)
    reasons = [worker.over for worker in workers if worker.over is not None]
    if stop.why is not None and stop.why not in reasons:
        raise StoppedError(f"stopped before the test had begun ({stop.why})")
    raise LoadError(stop.why or "No worker of the load test has left a result")


class _Worker:
    """A worker process, as its parent sees it."""

    def __init__(self, number: int, file: Path, hooks: Hooks) -> None:
        self._number = number
        self.file, self.kept = file, file.with_suffix(".kept")
        self._hooks = hooks
        self._process: asyncio.subprocess.Process | None = None
        self.reading: asyncio.Task[None]
        self.ready = asyncio.Event()
        """Set when its sessions are open, and also when it has ended before that."""
        self.tick: Tick | None = None
        self.over: str | None = None
        """Why it has ended before its time: it could not begin, was interrupted, or has died."""

    def result(self, test: Test) -> tuple[LoadResult | None, bool]:
        """Return what it has measured, if anything, and whether that is all."""
        if self.file.exists():
            return result_files.read(self.file), True
        return kept_result(self.kept, test, shares=test.share.count), False

    async def start(self, job: bytes) -> None:
        """Start it, and give it its job.

        Raises:
            LoadError: the system refuses.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "groundhog_otel.load.engine.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_BYTES,
                start_new_session=True,  # Ctrl-C is for us: we tell it to stop
                env=inherited(),
            )
        except OSError as error:
            raise LoadError(f"Worker {self._number} cannot be started ({error.strerror}): use fewer workers") from None
        if self._process.stdin is not None:
            self._process.stdin.write(job)
        self.reading = asyncio.create_task(self._read())

    def tell(self, **said: Any) -> None:
        """Send it a message, unless it is gone."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(line(**said))

    async def end(self) -> None:
        """Have it end: by itself if it can, and with all that it has started."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_S)
        except asyncio.TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        finally:
            self.reading.cancel()
            await asyncio.gather(self.reading, return_exceptions=True)

    async def _read(self) -> None:
        done = False
        process = self._process
        try:
            while process is not None and process.stdout is not None and (raw := await process.stdout.readline()):
                done = self._hear(raw) or done
            code = await process.wait() if process is not None else None
            if not done:
                self.over = f"worker {self._number} of the load test has ended {_how(code)}"
        finally:
            self.ready.set()

    def _hear(self, raw: bytes) -> bool:
        said = message(raw)
        if "ready" in said:
            self.ready.set()
        elif "tick" in said:
            self.tick = tick_from(said)
        elif "remembered" in said and self._hooks.on_remembered is not None:
            self._hooks.on_remembered(Request(**said["remembered"]))
        elif "ended" in said:
            self.over = said["ended"]
        return "ended" in said


def _how(code: int | None) -> str:
    if code is None:
        return "before it began"
    return f"with exit code {code}" if code >= 0 else f"by signal {-code}"
