"""``groundhog runs``: the recorded runs in a folder, and what is removed of them."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from groundhog_otel.settings import store_directory
from groundhog_otel.settings.retention import RetentionSettings, age, size
from groundhog_otel.store import StoreError
from groundhog_otel.store.retention import KeptRun, kept_runs, prune, why_kept
from groundhog_otel.store.selection import ALL, select_runs

__all__ = ("app",)

app = App(name="runs", help="List what was recorded, and remove the oldest of it.")

_Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command(name="list")
def list_runs(dir: Path | None = None, /, *, as_json: _Json = False) -> int:  # noqa: A002 - the argument's name
    """List the recorded runs, the oldest first.

    Parameters
    ----------
    dir
        The folder of recordings; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    as_json
        Print JSON, for programs.
    """
    runs = _runs(dir)
    if as_json:
        print(json.dumps({"format": 1, "runs": [_as_json(run) for run in runs]}, indent=2))
        return 0
    for run in runs:
        print(_row(run))
    print(f"{len(runs)} runs, {_spelled(sum(run.size_bytes for run in runs))}")
    return 0


@app.command(name="prune")
def prune_runs(
    dir: Path | None = None,  # noqa: A002 - the argument's name in the help
    /,
    *,
    max_bytes: str | None = None,
    max_age: str | None = None,
    max_runs: int | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Remove the oldest runs until the rest is within the bounds. None is removed that a living process writes to.

    Parameters
    ----------
    dir
        The folder of recordings; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    max_bytes
        Of all runs together, like 500M or 10G; by default $GROUNDHOG_DIR_MAX_BYTES, or 10G.
    max_age
        Since a run was last written to, like 72h or 30d; by default $GROUNDHOG_DIR_MAX_AGE, or none.
    max_runs
        How many may stay; by default $GROUNDHOG_DIR_MAX_RUNS, or none. 0 removes all that may go.
    dry_run
        Only say what would be removed.
    """
    settings, problems = RetentionSettings.from_environ()
    if problems:
        raise StoreError("; ".join(problems))
    if max_bytes is not None:
        settings = settings._replace(dir_max_bytes=_parsed("--max-bytes", max_bytes, size, "bytes, like 500M or 10G"))
    if max_age is not None:
        settings = settings._replace(dir_max_age_s=_parsed("--max-age", max_age, age, "hours or days, like 72h or 30d"))
    if max_runs is not None:
        settings = settings._replace(dir_max_runs=max_runs)
    runs = _runs(dir)
    gone = list(prune(runs, settings, dry_run=dry_run))
    for run in gone:
        print(f"{'Would remove' if dry_run else 'Removed'} {run.directory.name} ({_spelled(run.size_bytes)})")
    left = [run for run in runs if run not in gone]
    for run in left:
        reason = why_kept(run)
        if reason is not None:
            print(f"groundhog: {run.directory.name} stays: {reason}", file=sys.stderr)
    print(f"{len(left)} runs left, {_spelled(sum(run.size_bytes for run in left))}")
    return 0


def _runs(folder: Path | None) -> list[KeptRun]:
    store = folder or Path(store_directory())
    select_runs(store, ALL)  # says what to do where there is none
    return kept_runs(store)


def _parsed(option: str, text: str, parse: Any, accepted: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise StoreError(f"{option} {text!r} is not understood. Write {accepted}, or none.") from None


def _row(run: KeptRun) -> str:
    written = datetime.fromtimestamp(run.written_s, timezone.utc)
    command = " ".join(run.manifest.command) if run.manifest is not None else "a program by itself"
    facts = f"{_spelled(run.size_bytes):>9}  until {written:%Y-%m-%d %H:%M}  {_state(run):<11}"
    return f"{run.directory.name}  {facts}  {command}"


def _state(run: KeptRun) -> str:
    if run.living:
        return "goes on"
    if run.manifest is None or run.manifest.exit_code is None:
        return "over"
    return f"exit code {run.manifest.exit_code}"


def _as_json(run: KeptRun) -> dict[str, Any]:
    return {
        "run": run.directory.name,
        "directory": str(run.directory),
        "size_bytes": run.size_bytes,
        "written_s": run.written_s,
        "living": run.living,
        "kept_because": why_kept(run),
        "command": list(run.manifest.command) if run.manifest is not None else None,
        "exit_code": run.manifest.exit_code if run.manifest is not None else None,
    }


def _spelled(size_bytes: int) -> str:
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
