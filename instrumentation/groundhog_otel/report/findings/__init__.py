"""What an analysis has found: on a terminal, as Markdown, and for programs."""

from __future__ import annotations

from collections.abc import Callable

from groundhog_otel.analysis.analyze import Analysis
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.report.units import amount, duration, share

__all__ = ("Opening", "cost", "looked_at", "sentence", "verdict")

Opening = Callable[[str], str]
"""Gives for a trace's id what to type, or the address to open, to look at it."""


def looked_at(analysis: Analysis) -> str:
    """Say in a sentence what there was to look at."""
    spans, traces = amount(analysis.spans, "span"), amount(analysis.traces, "trace")
    left_out = f"; {amount(analysis.unreadable, 'line')} could not be read" if analysis.unreadable else ""
    return f"{amount(len(analysis.detectors), 'detector')} looked at {spans} in {traces}{left_out}."


def verdict(analysis: Analysis) -> str:
    """Say in a sentence how much was found."""
    if analysis.findings:
        return f"{amount(len(analysis.findings), 'finding')}, the one that costs most first."
    if not analysis.spans:
        return "Nothing was recorded, so nothing can be found."
    return "Nothing found."


def sentence(text: str) -> str:
    """Return a text with a full stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def cost(finding: Finding) -> str:
    """Say in a sentence what a finding costs, and how sure it is."""
    each, total = duration(finding.impact_ms / 1000), duration(finding.total_ms / 1000)
    times = (
        f"{each} to gain, once" if finding.affected == 1 else f"{each} to gain each time, {finding.affected:,} times"
    )
    return f"{times}: {total} in all. {share(finding.confidence)} sure."
