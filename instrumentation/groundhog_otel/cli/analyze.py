"""``groundhog analyze``: what makes a recording slow, and what to do about it."""

from __future__ import annotations

import gc
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from groundhog_otel.analysis.analyze import analyze as analyzed
from groundhog_otel.report.findings import Opening
from groundhog_otel.settings import store_directory
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("analyze",)

_FOUND: Final = 3


def analyze(
    dir: Path | None = None,  # noqa: A002 - the argument's name in the help
    /,
    *,
    run: str = LATEST,
    confidence: Annotated[float, Parameter(validator=Number(gte=0, lte=1))] = 0.0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    markdown: Annotated[bool, Parameter(negative=())] = False,
    check: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Find what makes a recording slow, and say what to do about it.

    Parameters
    ----------
    dir
        The folder of recordings, or of one run; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    run
        Which run: latest, all (taken together), or the name of its folder.
    confidence
        Leave out what is less sure than this, from 0 to 1.
    as_json
        Print JSON, for programs.
    markdown
        Print Markdown, for an issue or a pull request.
    check
        Exit with code 3 when something was found.
    """
    if as_json and markdown:
        raise StoreError("JSON and Markdown at once cannot be printed: give --json or --markdown")
    recording, opening = _read(dir, run)
    gc.freeze()  # what was read stays: the collector would look through all of it again and again
    analysis = analyzed(recording).at_least(confidence)
    if as_json:
        from groundhog_otel.report.findings import machine  # noqa: PLC0415 - one of the three is needed

        json.dump(machine.as_json(analysis, opening), sys.stdout, indent=2)
        print()
    elif markdown:
        from groundhog_otel.report.findings.markdown import as_markdown  # noqa: PLC0415

        print(as_markdown(analysis, opening), end="")
    else:
        from groundhog_otel.report.findings.terminal import print_findings  # noqa: PLC0415

        print_findings(analysis, opening)
    return _FOUND if check and analysis.findings else 0


def _read(folder: Path | None, run: str) -> tuple[Recording, Opening]:
    """Return what was recorded, and how to look at a trace of it."""
    recording = read_runs(select_runs(folder or Path(store_directory()), run))
    # The newest run may be another one by the time that somebody types it.
    chosen = recording.runs[0].run_id if run == LATEST else run
    words = ["groundhog", "report", *([] if folder is None else [str(folder)]), "--run", chosen, "--trace"]
    return recording, lambda trace_id: shlex.join([*words, trace_id])
