"""What a worker process and the one that has started it tell each other: a line of JSON each, but for the job.

To the worker: the job (a header, then a pickle), ``start`` with a time of the wall clock, ``stop`` with a reason.
From it: ``ready``, ``tick``, ``remembered``, and ``ended`` with why, if that was before its time. Its result is a file.
"""

from __future__ import annotations

import json
import pickle
import sys
from asyncio import StreamReader
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from groundhog_otel.load.engine.progress import Progress, Tick
from groundhog_otel.load.engine.recorder import Observer
from groundhog_otel.load.engine.schedule import Share
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.session import Target

__all__ = (
    "LINE_BYTES",
    "Job",
    "line",
    "message",
    "packed",
    "read_job",
    "tick_from",
    "tick_message",
    "unpacked",
    "written_job",
)

LINE_BYTES = 1 << 24
"""The longest line there can be."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker process does."""

    target: Target
    config: LoadTestConfig
    share: Share
    run_id: str
    file: Path
    """For its result."""
    kept: Path
    """For what it has recorded by then, should it die before that."""
    remembered: bool
    """Whether somebody wants to hear of requests that are remembered."""
    observe: Callable[[Callable[[], int]], Observer | None] | None


def written_job(job: Job) -> bytes:
    """Return a job as bytes.

    Raises:
        LoadError: something of it cannot leave this process.
    """
    return packed(
        job, f"{job.target.name} cannot be handed to worker processes", "use one worker, or give a command or a URL"
    )


async def read_job(reader: StreamReader) -> Job:
    """Return the job that was written.

    Raises:
        LoadError: something of it is not to be found in this process.
        EOFError: there is none.
    """
    advice = "use one worker, or define what it is made of in a module, not in the program itself"
    job: Job = await unpacked(reader, "The test cannot be handed to worker processes", advice)
    return job


def packed(what: object, refusal: str, advice: str) -> bytes:
    """Return an object for a process that is started here: a line with its size and the places of modules, a pickle.

    Raises:
        LoadError: it cannot leave this process: ``refusal``, why, ``advice``.
    """
    try:
        body = pickle.dumps(what)
    except Exception as error:  # whatever the objects of others raise
        raise LoadError(f"{refusal} ({type(error).__name__}: {error}): {advice}") from None
    return line(size=len(body), path=sys.path) + body


async def unpacked(reader: StreamReader, refusal: str, advice: str) -> Any:
    """Return the object that was packed.

    Raises:
        LoadError: something of it is not to be found in this process: ``refusal``, why, ``advice``.
        EOFError: there is none.
    """
    header = json.loads(await reader.readline() or b"null")
    if header is None:
        raise EOFError
    sys.path[:] = header["path"]
    body = await reader.readexactly(header["size"])
    try:
        return pickle.loads(body)  # noqa: S301 - from the process that has started this one
    except Exception as error:
        raise LoadError(f"{refusal} ({type(error).__name__}: {error}): {advice}") from None


def line(**message: Any) -> bytes:
    """Return a message."""
    return json.dumps(message).encode() + b"\n"


def message(raw: bytes) -> Mapping[str, Any]:
    """Return what a line says."""
    found: Mapping[str, Any] = json.loads(raw)
    return found


def tick_message(tick: Tick) -> bytes:
    """Return a tick as a message."""
    return line(tick=asdict(tick.progress), recent=list(tick.recent.items()))


def tick_from(said: Mapping[str, Any]) -> Tick:
    """Return the tick of a message."""
    fields = dict(said["tick"])
    fields["notes"] = tuple(fields["notes"])
    return Tick(Progress(**fields), Tally(dict(said["recent"])))
