"""``groundhog run``: start a command under ``opentelemetry-instrument``, recorded into the store."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

from cyclopts import Parameter, validators

from groundhog_otel.cli.child import supervise
from groundhog_otel.recording.command import CommandError, found, instrumented
from groundhog_otel.settings import inherited, run_id, store_directory
from groundhog_otel.store.layout import new_run_id, prepare
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.retention import tidy

__all__ = ("run", "start")

_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127


def run(
    *command: str,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
    name: str | None = None,
    interval: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
) -> int:
    """Start a command and record its MCP operations in files.

    Parameters
    ----------
    command
        What to start, after "--".
    dir
        Where to keep recordings; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    name
        The service's name in the recording; by default $OTEL_SERVICE_NAME, or the command's name.
    interval
        Seconds between two looks at metrics; by default $OTEL_METRIC_EXPORT_INTERVAL, or 5.
    """
    if not command:
        _say("there is nothing to start. Write: groundhog run -- python my_server.py")
        return 2
    return start(command, dir=dir, name=name, interval_s=interval)


def start(
    command: tuple[str, ...],
    *,
    dir: Path | None = None,  # noqa: A002 - as above
    name: str | None = None,
    interval_s: float | None = None,
    more: Mapping[str, str] | None = None,
    kept: Callable[[Path], None] | None = None,
) -> int:
    """Start a command recorded, wait for it, and return its exit code.

    ``more`` is added to its environment, for what it is started for; then it is not started where it would be neither
    recorded nor that. ``kept`` is called with the folder of the run in the end, in place of saying how to read it.
    """
    environ = {**inherited(), **(more or {})}
    try:
        words = [found(command[0], environ), *command[1:]]
    except CommandError as error:
        _say(str(error))
        return _NOT_EXECUTABLE if error.exists else _NOT_FOUND

    outer = run_id(environ) if dir is None else None
    store = (dir or Path(store_directory(environ))).absolute()
    this_run = outer or new_run_id()
    try:
        folder = prepare(store, this_run)
    except OSError as error:
        if more is not None:
            _say(f"cannot write to {store} ({error.strerror}). Name another folder with --dir.")
            return 1
        _say(f"not recorded: cannot write to {store} ({error.strerror}). Name another folder with --dir.")
        os.execve(words[0], words, environ)  # noqa: S606 - this process has nothing left to add
    made = instrumented(
        command, environ, store=store, run=this_run, name=name, joins=outer is not None, interval_s=interval_s
    )
    if made.problem is not None:
        _say(made.problem)
        if more is not None:
            return 1
    if outer is not None:
        os.execve(made.words[0], made.words, made.environ)  # noqa: S606 - as above

    _tidy(store, this_run)
    manifest = Manifest(command=command, started_at=datetime.now(timezone.utc).isoformat(), pid=os.getpid())
    manifest.write(folder)
    started_s = monotonic()
    exit_code = supervise(made.words, made.environ)
    manifest.ended(exit_code=exit_code, duration_s=monotonic() - started_s).write(folder)
    if kept is not None:
        kept(folder)
    elif made.problem is None:
        _say_result(folder, store, dir_given=dir is not None)
    return exit_code


def _tidy(store: Path, this_run: str) -> None:
    """Remove what is beyond the folder's bounds, and say so: it is a user's."""
    gone = tidy(store, keep=this_run)
    if gone:
        _say(
            f"removed the oldest {len(gone)} of the recorded runs, {gone[0].directory.name} to "
            f"{gone[-1].directory.name}: the bounds are GROUNDHOG_DIR_MAX_BYTES, _MAX_AGE and _MAX_RUNS"
        )


def _say_result(folder: Path, store: Path, *, dir_given: bool) -> None:
    """Tell a person what to do next; a program that reads standard error only hears of a failure."""
    if not any(folder.glob("*.jsonl")):
        _say(
            f"nothing was recorded in {folder}. The command must start a Python that has groundhog-otel[tools], "
            "and end by itself or by Ctrl-C."
        )
    elif sys.stderr.isatty():
        _say(f"recorded. Read it with: groundhog report{f' {store}' if dir_given else ''}")


def _say(sentence: str) -> None:
    print(f"groundhog: {sentence}", file=sys.stderr, flush=True)
