"""What every report says in the same words, on the terminal, in Markdown and in the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Final

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.analysis.summary import Summary
from groundhog_otel.analysis.verdicts import Verdict
from groundhog_otel.report.content import Report
from groundhog_otel.report.optimizations import Effect, Optimization
from groundhog_otel.report.units import amount, duration, share, size
from groundhog_otel.store.model import Run

__all__ = (
    "BUDGETS",
    "amount_of",
    "began",
    "change",
    "confidence",
    "effect_amount",
    "facts",
    "gain",
    "headline",
    "kind_of",
    "outcome",
    "savings",
    "story",
    "title",
)

BUDGETS: Final[Mapping[str, str]] = {
    "command": "Commands (tool calls, prompts, resources), p99",
    "protocol": "Protocol (lists, initialize, ping …), p99",
    "ui": "Notifications that a user sees, p99",
    "background": "Background tasks, p99",
    "memory": "Memory of a process, at most",
    "cpu": "CPU of a process, on average",
    "network": "Network (MCP messages) of a process, on average",
    "disk": "Watched folders of a process, at most",
}
_AMOUNTS: Final[Mapping[str, Callable[[float], str]]] = {
    "duration": duration,
    "size": size,
    "share": share,
    "rate": lambda value: f"{size(value)}/s",
    "count": lambda value: f"{value:,.3g}",
}
_MOST_NAMED: Final = 3
_SECRET: Final = re.compile(r"token|secret|passw|key|auth|credential|cookie|header", re.IGNORECASE)
_LOGIN: Final = re.compile(r"(://)[^/@\s]+@")


def title(summary: Summary) -> str:
    """Return what the report is of: its services."""
    services = list(dict.fromkeys(process.service for process in summary.processes))
    more = f" and {len(services) - _MOST_NAMED} more" if len(services) > _MOST_NAMED else ""
    return f"Performance of {', '.join(services[:_MOST_NAMED]) or 'nothing'}{more}"


def headline(report: Report) -> str:
    """Return the verdict on all budgets, in one sentence."""
    judged = [one for one in report.verdicts if one.met is not None]
    if not judged:
        return "Nothing was recorded that could be held against a budget"
    if not report.over:
        return f"Within every budget that could be judged ({len(judged)} of {len(report.verdicts)})"
    return f"Over budget: {', '.join(one.budget for one in report.over)}"


def outcome(verdict: Verdict) -> str:
    """Return ``met``, ``over`` or ``n/a``."""
    return {True: "met", False: "over", None: "n/a"}[verdict.met]


def amount_of(unit: str, value: float) -> str:
    """Return a value with its unit: a duration in seconds, a size in bytes, a rate in bytes a second, a share."""
    return _AMOUNTS[unit](value)


def facts(report: Report) -> tuple[tuple[str, str], ...]:
    """Return what the recording holds, as names and values."""
    summary = report.summary
    errors = sum(one.error_count for one in summary.operations)
    return (
        ("recorded", duration(report.duration_s)),
        ("spans", f"{summary.spans:,}"),
        ("traces", f"{len({span.trace_id for span in report.recording.spans}):,}"),
        ("processes", f"{len(summary.processes):,}"),
        ("errors", f"{errors:,}"),
        ("unreadable lines", f"{len(summary.unreadable):,} of {summary.lines:,}"),
    )


def began(report: Report) -> str:
    """Return when the recording began, in UTC."""
    if not report.start_ns:
        return ""
    return f"{datetime.fromtimestamp(report.start_ns / 1e9, tz=timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def story(run: Run) -> str:
    """Return what was started, and how it ended."""
    if run.manifest is None:
        return "Not started by groundhog run."
    command = " ".join(_without_secrets(run.manifest.command))
    if run.manifest.duration_s is None:
        return f"{command}: still running, or killed"
    return f"{command}: {duration(run.manifest.duration_s)}, exit code {run.manifest.exit_code}"


def _without_secrets(command: Iterable[str]) -> Iterator[str]:
    """Leave out what a name tells to be a secret, and passwords in addresses: reports are handed around."""
    hidden = False
    for word in command:
        name, given, _ = word.partition("=")
        secret = _SECRET.search(name) is not None
        if hidden and not word.startswith("-"):
            yield "…"
        elif secret and given:
            yield f"{name}=…"
        else:
            yield _LOGIN.sub(r"\1…@", word)
        hidden = secret and not given and word.startswith("-")


def kind_of(finding: Finding) -> str:
    """Return what kind of finding it is: ``N plus one`` for ``n_plus_one``."""
    words = finding.detector.replace("_", " ")
    return words[:1].upper() + words[1:]


def gain(finding: Finding) -> str:
    """Return what mending it would give."""
    each = duration(finding.impact_ms / 1000)
    if finding.affected == 1:
        return f"{each} of one operation"
    return f"{each} of each of {amount(finding.affected, 'operation')}, {duration(finding.total_ms / 1000)} in all"


def confidence(finding: Finding) -> str:
    """Return how sure it is, in words and a number."""
    words = "certain" if finding.confidence >= 0.9 else "likely" if finding.confidence >= 0.6 else "possible"
    return f"{words} ({share(finding.confidence)})"


def change(one: Effect) -> str:
    """Return a relative change with its interval: ``-25 % (-31 … -19 %)``."""
    return f"{_signed(one.change)} % ({_signed(one.low)} … {_signed(one.high)} %)"


def effect_amount(one: Effect, value: float) -> str:
    """Return a value of an effect's measure, with its unit."""
    return size(value) if one.measure == "memory" else duration(value)


def savings(one: Optimization) -> str:
    """Return what was predicted beside what was measured, of the mean latency."""
    parts = [
        f"{name} {duration(abs(saving) / 1000)} {'less' if saving >= 0 else 'more'}"
        for name, saving in (("predicted", one.predicted_saving_ms), ("measured", one.measured_saving_ms))
        if saving is not None
    ]
    return ", ".join(parts)


def _signed(value: float) -> str:
    percent = value * 100
    return f"{percent:+.1f}" if abs(percent) < 9.95 else f"{percent:+.0f}"
