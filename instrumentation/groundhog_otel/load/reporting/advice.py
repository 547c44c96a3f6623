"""What to do after a load test, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from groundhog_otel.load.engine.stopping import SIGNALS
from groundhog_otel.load.reporting.figures import Figures, OperationFigures
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.wording import error_name
from groundhog_otel.report.units import share

__all__ = ("next_step",)

_MANY_ERRORS: Final = 0.01
_QUEUEING: Final = 2.0
"""How many times the service p99 the response p99 has to be, for queueing to come before all else."""


def next_step(report: Report, numbers: Figures) -> str:
    """Return the first thing that stands between this result and one to rely on."""
    return next(_steps(report, numbers))


def _steps(report: Report, numbers: Figures) -> Iterator[str]:
    result, verdict = report.result, report.verdict
    if not numbers.count:
        yield "No request was answered after the warm-up: run for longer, or see whether the server answers at all."
    if not verdict.valid:
        yield (
            f"Give the generator more room and measure again: more workers (now {result.workers}), a lower rate, or a "
            "machine of its own."
        )
    if result.interrupted is not None:
        if result.interrupted in SIGNALS.values():
            yield "Let it run to its end before you rely on it."
        else:
            yield "See why it could not go on, and run it again."
    failing = max(numbers.operations, key=lambda one: one.errors)
    if failing.error_share > _MANY_ERRORS:
        most = _kind(report, failing)
        yield f"Look at the errors of {failing.name}: {share(failing.error_share)} of it, mostly {most}."
    queued = max(numbers.operations, key=lambda one: one.queueing or 0.0)
    if (queued.queueing or 0.0) >= _QUEUEING:
        yield (
            f"Requests of {queued.name} queued: find the concurrency that the server can take with a sweep, or what "
            "stalls it in the slowest traces."
        )
    failed = any(one.outcome == "failed" for one in verdict.checks)
    if failed and report.budget is not None and report.budget.parts:
        part = max(report.budget.parts, key=lambda one: one.seconds)
        yield f"{share(part.share)} of the latency is {part.name}: begin there."
    if failed:
        yield "Open the slowest traces, and see what the time is spent on."
    if not verdict.passed:
        yield "Make the test longer: there were too few requests to decide."
    yield "Keep this result as the baseline that the next one is compared with."


def _kind(report: Report, failing: OperationFigures) -> str:
    errors = next(one.errors for one in report.result.operations if one.name == failing.name)
    return error_name(max(errors, key=lambda kind: errors[kind]))
