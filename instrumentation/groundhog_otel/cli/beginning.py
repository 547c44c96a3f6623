"""What to type next, for somebody who has typed ``groundhog`` and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from groundhog_otel.settings import store_directory
from groundhog_otel.store import StoreError
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("next_steps",)

_FIRST: Final = (
    ("groundhog run -- python my_server.py", "record a server or client, in files: nothing else is needed"),
    ("groundhog doctor -- python my_server.py", "see what would be watched, and where telemetry would go"),
    ("groundhog stack up", "start the Collector, Jaeger, Prometheus and Alertmanager here"),
)
_THEN: Final = (
    ("groundhog report", "what was recorded last, against the budgets"),
    ("groundhog load -- python my_server.py", "how fast the server is under load"),
    ("groundhog profile cpu -- python my_server.py", "which line of which tool takes the time"),
)


def next_steps() -> str:
    """Return what to type next, by whether something was recorded in this folder."""
    try:
        (run,) = select_runs(Path(store_directory()), LATEST)
        head, steps = f"Recorded last: {run}", _THEN
    except StoreError:
        head, steps = "Nothing is recorded in this folder yet.", _FIRST
    width = max(len(command) for command, _ in steps)
    return "\n".join([head, "Next:", *(f"  {command:{width}}  {why}" for command, why in steps)])
