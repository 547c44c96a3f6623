"""``groundhog report``: what was recorded, and whether it was fast enough."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from groundhog_otel.analysis.summary import summarize
from groundhog_otel.analysis.waterfall import slowest, waterfall
from groundhog_otel.settings import store_directory
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("report",)

_OVER_BUDGET: Final = 3


def report(
    dir: Path | None = None,  # noqa: A002 - the argument's name in the help
    /,
    *,
    run: str = LATEST,
    trace: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    check: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Print what was recorded, against the budgets.

    Parameters
    ----------
    dir
        The folder of recordings, or of one run; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    run
        Which run: latest, all (taken together), or the name of its folder.
    trace
        Print only this trace, by its id.
    as_json
        Print JSON, for programs.
    check
        Exit with code 3 when an operation is over its budget.
    """
    recording = read_runs(select_runs(dir or Path(store_directory()), run))
    if trace is not None:
        return _trace(recording, trace.lower(), run)
    summary = summarize(recording)
    if as_json:
        from groundhog_otel.report import machine  # noqa: PLC0415 - one of the two is needed

        json.dump(machine.as_json(summary), sys.stdout, indent=2)
        print()
    else:
        from groundhog_otel.report.terminal import print_report  # noqa: PLC0415

        print_report(summary)
    return _OVER_BUDGET if check and summary.missed else 0


def _trace(recording: Recording, trace_id: str, run: str) -> int:
    from groundhog_otel.report.terminal import print_trace  # noqa: PLC0415 - only here

    for found in recording.traces():
        if found.trace_id == trace_id:
            print_trace(slowest([found]) or waterfall(found, max(found.spans, key=lambda span: span.duration_s)))
            return 0
    raise StoreError(f"there is no trace {trace_id} in the run {run}. Try --run all.")
