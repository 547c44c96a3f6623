"""What a worker has recorded, kept on disk while it works, so that its death costs the last window and not all.

Whenever a window is over, a record is added to a file of its own: the windows that are new, and the counts of all until
then. It takes a fraction of a millisecond; the result itself would take too long to make while requests are due.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from groundhog_otel.load.engine.outcome import Measured, Test
from groundhog_otel.load.engine.recorder import Recorder
from groundhog_otel.load.engine.windows import Slice, Windows
from groundhog_otel.load.results.result import LoadResult, Request

__all__ = ("Keeper", "Kept", "keep", "kept_result")


@dataclass(frozen=True, slots=True)
class Kept:
    """A record: what has come since the one before."""

    until_s: float
    """From the end of the warm-up."""
    slices: tuple[Slice, ...]
    drawn: tuple[tuple[int, Request], ...]
    """For the sample: the place of each."""
    measured: Measured


class Keeper:
    """Makes records of what a recorder counts."""

    def __init__(self) -> None:
        self._slices = 0

    def record(self, recorder: Recorder, measured: Measured) -> Kept:
        """Return what is new since the last record."""
        slices = recorder.windows.closed(self._slices)
        self._slices += len(slices)
        drawn = tuple(recorder.remembered.drawn or ())
        recorder.remembered.drawn = []
        until_s = recorder.windows.closed_s
        return Kept(until_s, slices, drawn, replace(measured, duration_s=until_s))


def keep(kept: Kept, file: BinaryIO) -> None:
    """Write a record."""
    pickle.dump(kept, file)
    file.flush()


def kept_result(file: Path, test: Test, *, shares: int) -> LoadResult | None:
    """Return the result of what was kept of a test; None when nothing was."""
    records = tuple(_records(file))
    if not records:
        return None
    windows = Windows(test.config.duration)
    windows.put([one for record in records for one in record.slices])
    sample = {place: request for record in records for place, request in record.drawn}
    return records[-1].measured.result(test, windows, tuple(sample.values()), shares=shares)


def _records(file: Path) -> Iterator[Kept]:
    """Yield what was written; the last may not be whole."""
    if not file.exists():
        return
    with file.open("rb") as records:
        while True:
            try:
                record: Kept = pickle.load(records)  # noqa: S301 - from a process that this one has started
            except (EOFError, pickle.UnpicklingError):
                return
            yield record
