"""The server as it is, under load and recorded: what is analysed, and what everything is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.optimizer.experiment import loaded
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.serving import Command, served
from groundhog_otel.store.layout import new_run_id, prepare
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs

__all__ = ("Baseline", "recorded_baseline")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was recorded."""

    folder: Path
    """Of the run."""
    result: LoadResult
    recording: Recording

    @property
    def operations(self) -> int:
        """How many the server has answered, those of the warm-up included."""
        return sum(span.kind == "server" for span in self.recording.spans)


async def recorded_baseline(
    command: Command, plan: Plan, *, store: Path, stop: Stop, on_begin: Callable[[], None] = lambda: None
) -> Baseline:
    """Put the server under load, recorded with all details into ``store``, and read what it has recorded.

    Raises:
        LoadError: it cannot be started or reached, or the store cannot be written to.
        StoppedError: ``stop`` was told.
    """
    plan.require_valid()
    run = new_run_id()
    try:
        folder = prepare(store, run)
    except OSError as error:
        raise LoadError(f"Cannot write to {store} ({error.strerror}): name another folder with --dir") from None
    manifest = Manifest(command=command.words, started_at=datetime.now(timezone.utc).isoformat())
    manifest.write(folder)
    async with served(command, store=store, run=run, detail=True) as server:
        async with server.target.open() as session:
            config = await plan.config(session)
        on_begin()
        result = await loaded(server.target, replace(config, warm_up=plan.warm_up_s), stop)
    recording = read_runs([folder])
    if not recording.spans:
        raise LoadError(
            "The server has recorded nothing: it has to end when its input does, or by SIGTERM, and to run in a Python"
            " that has groundhog-otel[tools]"
        )
    return Baseline(folder, result, recording)
