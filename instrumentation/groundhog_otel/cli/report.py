"""``groundhog report``: what was recorded, and whether it was fast enough."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from groundhog_otel.analysis.analyze import analyze
from groundhog_otel.analysis.waterfall import slowest, waterfall
from groundhog_otel.report.content import Report, reported
from groundhog_otel.report.optimizations import LEDGER, read_ledger
from groundhog_otel.report.units import size
from groundhog_otel.settings import store_directory
from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import profile_files
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs
from groundhog_otel.store.versions import read_versions

__all__ = ("report",)

_OVER_BUDGET: Final = 3
_MOST_PROFILES: Final = 6


def report(
    dir: Path | None = None,  # noqa: A002 - the argument's name in the help
    /,
    *,
    run: str = LATEST,
    trace: str | None = None,
    html: Path | None = None,
    content: Annotated[bool, Parameter(negative=())] = False,
    markdown: Annotated[bool, Parameter(negative=())] = False,
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
    html
        Write it to this file instead, as one page with all traces, to hand around.
    content
        Show in the page also texts that may be what was in a message, where they were recorded.
    markdown
        Print Markdown, for a pull request or a wiki.
    as_json
        Print JSON, for programs.
    check
        Exit with code 3 when an operation is over its budget.
    """
    if sum((html is not None, markdown, as_json, trace is not None)) > 1:
        raise StoreError("a report has one form: give one of --html, --markdown, --json and --trace")
    store = dir or Path(store_directory())
    runs = select_runs(store, run)
    recording = read_runs(runs)
    if trace is not None:
        return _trace(recording, trace.lower(), run)
    found = reported(
        recording,
        findings=analyze(recording).findings,
        optimizations=read_ledger(_ledger(store, runs)),
        versions=read_versions(runs),
    )
    if html is not None:
        _write(html, _page(found, runs, content=content))
    elif markdown:
        from groundhog_otel.report.markdown import as_markdown  # noqa: PLC0415 - one of the four is needed

        print(as_markdown(found), end="")
    elif as_json:
        from groundhog_otel.report.machine import as_json as as_plain_json  # noqa: PLC0415 - as above

        json.dump(as_plain_json(found), sys.stdout, indent=2)
        print()
    else:
        from groundhog_otel.report.terminal import print_report  # noqa: PLC0415 - as above

        print_report(found)
    return _OVER_BUDGET if check and found.summary.missed else 0


def _ledger(store: Path, runs: Sequence[Path]) -> Path:
    """Return where the optimiser writes: beside the runs, also where the folder of one of them was named."""
    return (store.parent if store in runs else store) / LEDGER


def _page(found: Report, runs: Sequence[Path], *, content: bool) -> str:
    from groundhog_otel.report.html import page  # noqa: PLC0415 - only here

    files = [file for run in runs for file in profile_files(run)]
    if not files:
        return page(found, content=content)
    from groundhog_otel.profiling.files import read_profile  # noqa: PLC0415 - only where there are some
    from groundhog_otel.profiling.formats.html import part  # noqa: PLC0415 - as above

    profiles = [profile for profile in map(read_profile, files) if profile.samples]
    largest = sorted(profiles, key=lambda one: -len(one.samples))[:_MOST_PROFILES]
    return page(found, content=content, parts=[part(largest)] if largest else [])


def _write(file: Path, text: str) -> None:
    content = text.encode(errors="replace")
    try:
        file.write_bytes(content)
    except OSError as error:
        raise StoreError(f"cannot write {file} ({error.strerror}): name another file") from None
    print(f"{file}: {size(len(content))}")


def _trace(recording: Recording, trace_id: str, run: str) -> int:
    from groundhog_otel.report.terminal import print_trace  # noqa: PLC0415 - only here

    for found in recording.traces():
        if found.trace_id == trace_id:
            print_trace(slowest([found]) or waterfall(found, max(found.spans, key=lambda span: span.duration_s)))
            return 0
    raise StoreError(f"there is no trace {trace_id} in the run {run}. Try --run all.")
