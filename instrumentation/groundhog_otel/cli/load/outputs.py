"""Where the result of a load test goes, and the exit code that it means."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from groundhog_otel.load.assembling import assemble
from groundhog_otel.load.engine.stopping import SIGNALS
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.judgement.thresholds import parse
from groundhog_otel.load.plan import Threshold
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.scaling.metrics import ScalingMetrics
from groundhog_otel.report.units import amount
from groundhog_otel.store.source import Source

__all__ = ("GONE", "INTERRUPTED", "Outputs", "finish", "finish_part", "keep", "say")

INTERRUPTED: Final = 130
GONE: Final = 1
"""The server has died, or a worker."""
_STORED_S: Final = 20.0
"""How long after a test a trace may take to be stored."""
_STANDARD: Final = Path("-")


@Parameter(name="*")
@dataclass(frozen=True)
class Outputs:
    """Where the result goes, besides the terminal."""

    threshold: tuple[str, ...] = ()
    "What has to hold: 'p99<50ms', 'error_rate<=1%', 'tools/call add: p99.9<200ms'; repeat it. By default the budgets."
    baseline: Path | None = None
    "A result of an earlier test, to compare with."
    out: Path | None = None
    "File for the whole result, as JSON: for --baseline, and for merge. With - it is a line, and all that is printed."
    html: Path | None = None
    "File for the report as one HTML page."
    junit: Path | None = None
    "File for the thresholds as JUnit XML."
    hdr: Path | None = None
    "File for the latencies as an HdrHistogram log."
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
    "Print a summary as JSON, for programs."

    def require_of_a_part(self) -> None:
        """Hold that what is asked for can be had of one part of a test.

        Raises:
            LoadError: it cannot.
        """
        if self.out is None:
            raise LoadError("A part of a test is for merge: add --out FILE, or --out - for a line on standard output")
        if replace(self, out=None) != Outputs():
            raise LoadError("A part of a test is not judged: of what says where the result goes, give --out alone")

    def thresholds(self) -> tuple[Threshold, ...]:
        """Return what has to hold.

        Raises:
            LoadError: one is none.
        """
        return tuple(map(parse, self.threshold))

    def require_usable(self) -> None:
        """Find out before a test, and not after it, that its baseline or a file of its result is not to be had.

        Raises:
            LoadError: one is not.
        """
        if self.baseline is not None:
            result_files.read(self.baseline)
        for file in (self.out, self.html, self.junit, self.hdr):
            if file is not None and file != _STANDARD:
                _require_writable(file)


def finish(
    result: LoadResult,
    outputs: Outputs,
    *,
    source: Source | None = None,
    scaling: ScalingMetrics | None = None,
    just_run: bool = True,
) -> int:
    """Write and print a result, and return the exit code: that of how it has ended, if that was ``just_run``.

    Raises:
        LoadError: a file cannot be read or written; what can be is printed and written all the same.
    """
    failed: list[LoadError] = []
    with _kept(failed):  # before all that takes time
        keep(result, outputs.out)
    report = assemble(
        result,
        thresholds=outputs.thresholds(),
        source=source,
        baseline=outputs.baseline,
        scaling=scaling,
        wait_s=_wait_s(result),
    )
    for file, made in ((outputs.html, _html), (outputs.junit, _junit), (outputs.hdr, _hdr)):
        if file is not None:
            with _kept(failed):
                _write(file, made, report)
    if outputs.as_json:
        from groundhog_otel.load.reporting.summary import as_json  # noqa: PLC0415 - one of the two is needed

        json.dump(as_json(report), sys.stdout, indent=2)
        print()
    elif outputs.out != _STANDARD:
        from groundhog_otel.load.reporting.terminal import print_result  # noqa: PLC0415 - as above

        print_result(report)
    if failed:
        raise failed[0]
    if just_run and result.interrupted is not None:
        return _ended_early(result.interrupted)
    worse = 0 if report.comparison is None else report.comparison.exit_code
    return report.verdict.exit_code or worse


def finish_part(result: LoadResult, outputs: Outputs) -> int:
    """Write what is one part of a test, and return the exit code: nothing is judged before all parts are there.

    Raises:
        LoadError: the file cannot be written, or something is asked for that only the whole has.
    """
    keep(result, outputs.out)
    check = result.self_checks[0]
    count = sum(one.count for one in result.operations)
    failed = sum(sum(one.errors.values()) for one in result.operations)
    say(f"part {check.worker + 1}/{result.shares}: {amount(count, 'request')}, {failed:,} of them with an error")
    return 0 if result.interrupted is None else _ended_early(result.interrupted)


def keep(result: LoadResult, file: Path | None) -> None:
    """Write a result, if it is to be.

    Raises:
        LoadError: it cannot be written.
    """
    if file == _STANDARD:
        print(result_files.line_of(result), flush=True)
    elif file is not None:
        result_files.write(result, file)


def say(sentence: str) -> None:
    """Tell a person something that is not the result."""
    print(f"groundhog: {sentence}", file=sys.stderr, flush=True)


def _wait_s(result: LoadResult) -> float:
    """Return how long traces of a result may still be on their way, in seconds: none, if the test was a while ago."""
    ended_s = result.started_at_ns / 1e9 + result.duration_s
    return min(max(_STORED_S - (time.time() - ended_s), 0.0), _STORED_S)


def _ended_early(why: str) -> int:
    return INTERRUPTED if why in SIGNALS.values() else GONE


@contextmanager
def _kept(errors: list[LoadError]) -> Iterator[None]:
    try:
        yield
    except LoadError as error:
        errors.append(error)


def _require_writable(file: Path) -> None:
    """Make a file's folder, and see whether the file can be written; an earlier one stays as it is."""
    try:
        there = file.exists()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
        if not there:
            file.unlink()
    except OSError as error:
        raise LoadError(f"{file} cannot be written ({error.strerror}): name another file") from None


def _write(file: Path, made: Callable[[Report], str], report: Report) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made(report), encoding="utf-8")
    except OSError as error:
        raise LoadError(f"{file} cannot be written: {error.strerror}") from None


def _html(report: Report) -> str:
    from groundhog_otel.load.reporting.html.page import page  # noqa: PLC0415 - only where it is asked for

    return page(report)


def _junit(report: Report) -> str:
    from groundhog_otel.load.reporting.junit import junit  # noqa: PLC0415 - only where it is asked for

    return junit(report)


def _hdr(report: Report) -> str:
    from groundhog_otel.load.reporting.hdrlog import hdr_log  # noqa: PLC0415 - only where it is asked for

    return hdr_log(report.result)
