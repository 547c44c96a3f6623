"""When operations began in a recording, so that a test can begin its own at the same distances."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from groundhog_otel.analysis.operations import method_of
from groundhog_otel.budgets import COMMAND, budget_for
from groundhog_otel.load.arrivals import Replay
from groundhog_otel.load.errors import LoadError
from groundhog_otel.store import StoreError
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("recorded_starts",)

_SIDES: Final = ("client", "server")


def recorded_starts(folder: Path) -> Replay:
    """Return the starts of the commands (tool calls, prompts …) in the latest run below ``folder``, or in that run.

    Those at clients; where only servers were recorded, those at servers.

    Raises:
        LoadError: there is no recording, or no command in it.
    """
    try:
        recording = read_runs(select_runs(folder, LATEST))
    except (StoreError, OSError) as error:
        raise LoadError(f"{folder} cannot be replayed: {error}") from None
    for side in _SIDES:
        starts = sorted(
            span.start_ns
            for span in recording.spans
            if span.kind == side and budget_for(method_of(span) or "") is COMMAND
        )
        if starts:
            return Replay(tuple((start - starts[0]) / 1e9 for start in starts), str(folder))
    raise LoadError(f"{folder} cannot be replayed: no tool was called in it. Record a run: groundhog run -- COMMAND")
