"""Findings on a terminal, or in a file that it is redirected to."""

from __future__ import annotations

import textwrap
from typing import Final

from rich.console import Console
from rich.text import Text

from groundhog_otel.analysis.analyze import Analysis
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.report.findings import Opening, cost, looked_at, sentence, verdict

__all__ = ("print_findings",)

_MOST_EVIDENCE: Final = 3
_WIDEST: Final = 120


def print_findings(analysis: Analysis, opening: Opening, console: Console | None = None) -> None:
    """Print all findings, and what could not be asked."""
    out = _Printer(console or Console(highlight=False, markup=False, emoji=False))
    out.line(looked_at(analysis))
    out.line(verdict(analysis), "bold")
    for number, finding in enumerate(analysis.findings, 1):
        out.finding(number, finding, opening)
    if analysis.failed:
        out.line()
    for one in analysis.failed:
        out.line(f"The detector {one.detector} could not answer: {one.reason}", "yellow")


class _Printer:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST)

    def line(self, text: str = "", style: str = "", *, indent: int = 0, whole: bool = False) -> None:
        """Print a text that may be from elsewhere; ``whole``: on one line however long, to be copied."""
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        shown = shown.encode(self._console.encoding, "replace").decode(self._console.encoding)
        lines = [shown] if whole else textwrap.wrap(shown, self._width - indent) or [""]
        for line in lines:
            self._console.print(Text(" " * indent + line, style=style), soft_wrap=True)

    def finding(self, number: int, finding: Finding, opening: Opening) -> None:
        of = f"{finding.target} ({finding.service})" if finding.target else finding.service
        self.line()
        self.line(f"{number}. {finding.detector}: {of}", "bold")
        self.line(sentence(finding.says), indent=3)
        self.line(cost(finding), indent=3)
        self.line(finding.advice, "green", indent=3)
        if finding.action is not None:
            self.line(f"`groundhog optimize` has an action for that: {finding.action}", indent=3)
        for evidence in finding.evidence[:_MOST_EVIDENCE]:
            span = f", span {evidence.span_id}" if evidence.span_id else ""
            self.line(f"See: {evidence.says}{span}", "dim", indent=3)
            if evidence.trace_id is not None:
                self.line(opening(evidence.trace_id), "dim", indent=5, whole=True)
        if len(finding.evidence) > _MOST_EVIDENCE:
            self.line(f"… and {len(finding.evidence) - _MOST_EVIDENCE} more", "dim", indent=3)
