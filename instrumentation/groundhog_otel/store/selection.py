"""Which of the recorded runs a reader asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import run_directories

__all__ = ("ALL", "LATEST", "RECORD", "select_runs")

LATEST: Final = "latest"
ALL: Final = "all"
RECORD: Final = "groundhog run -- <command>"
"""What to type for a run."""


def select_runs(store: Path, which: str = LATEST) -> list[Path]:
    """Return the folders of the runs below ``store`` that ``which`` names: ``latest``, ``all`` or the id of one.

    Raises:
        StoreError: there is no such run.
    """
    try:
        found = run_directories(store)
    except FileNotFoundError:
        raise StoreError(f"there is no folder {store}: nothing was recorded yet. Record with: {RECORD}") from None
    except OSError as error:
        raise StoreError(
            f"cannot read {store} ({error.strerror}). Name the folder that runs were recorded in."
        ) from None
    if not found:
        raise StoreError(f"{store} holds no recorded run. Record one with: {RECORD}")
    if which == ALL:
        return found
    if which == LATEST:
        return found[-1:]
    chosen = [run for run in found if run.name == which]
    if not chosen:
        newest = ", ".join(run.name for run in found[:-4:-1])
        raise StoreError(f"there is no run {which!r} in {store}. The newest: {newest}")
    return chosen
