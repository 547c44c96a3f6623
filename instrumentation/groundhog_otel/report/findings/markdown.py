"""Findings as Markdown, for a pull request or an issue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from groundhog_otel.analysis.analyze import Analysis
from groundhog_otel.analysis.finding import Evidence
from groundhog_otel.report.findings import Opening, cost, looked_at, sentence, verdict

__all__ = ("as_markdown",)

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def as_markdown(analysis: Analysis, opening: Opening) -> str:
    """Return all findings as one document, with a heading for each."""
    return "\n".join(_lines(analysis, opening)) + "\n"


def _lines(analysis: Analysis, opening: Opening) -> Iterator[str]:
    yield f"**{verdict(analysis)}** {looked_at(analysis)}"
    for number, finding in enumerate(analysis.findings, 1):
        of = f"{finding.target} ({finding.service})" if finding.target else finding.service
        yield f"\n## {number}. {_plain(finding.detector)}: {_plain(of)}\n"
        yield f"{_plain(sentence(finding.says))}\n"
        yield f"{cost(finding)}\n"
        yield f"{_plain(finding.advice)}\n"
        if finding.action is not None:
            yield f"`groundhog optimize` has an action for that: {_plain(finding.action)}\n"
        for evidence in finding.evidence:
            yield f"- {_plain(evidence.says)}{_where(evidence, opening)}"
    if analysis.failed:
        yield ""
    for one in analysis.failed:
        yield f"- The detector {_plain(one.detector)} could not answer: {_plain(one.reason)}"


def _where(evidence: Evidence, opening: Opening) -> str:
    if evidence.trace_id is None:
        return ""
    span = f", span `{evidence.span_id}`" if evidence.span_id else ""
    where = opening(evidence.trace_id)
    return f"{span}: {where}" if where.startswith(("http://", "https://")) else f"{span}: `{where}`"


def _plain(text: str) -> str:
    """Return text that came from elsewhere as Markdown shows it, in one line."""
    return _SPECIAL.sub(r"\\\1", "".join(letter if letter.isprintable() else " " for letter in text))
