"""Findings as JSON, for programs. Names carry their units; new keys may be added, none is taken away."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from groundhog_otel.analysis.analyze import Analysis
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.report.findings import Opening

__all__ = ("FORMAT", "as_json")

FORMAT: Final = 1
"""Raised when a key changes its meaning."""


def as_json(analysis: Analysis, opening: Opening) -> dict[str, Any]:
    """Return an analysis as plain dictionaries, lists, numbers and strings."""
    return {
        "format": FORMAT,
        "spans": analysis.spans,
        "traces": analysis.traces,
        "unreadable": analysis.unreadable,
        "detectors": list(analysis.detectors),
        "failed": [asdict(one) for one in analysis.failed],
        "findings": [_finding(one, opening) for one in analysis.findings],
    }


def _finding(one: Finding, opening: Opening) -> dict[str, Any]:
    return {
        "detector": one.detector,
        "service": one.service,
        "target": one.target,
        "says": one.says,
        "advice": one.advice,
        "impact_ms": one.impact_ms,
        "affected": one.affected,
        "total_ms": one.total_ms,
        "confidence": one.confidence,
        "figures": dict(one.figures),
        "action": one.action,
        "parameters": dict(one.parameters),
        "evidence": [_evidence(evidence, opening) for evidence in one.evidence],
    }


def _evidence(one: Evidence, opening: Opening) -> dict[str, Any]:
    return {**asdict(one), "open": None if one.trace_id is None else opening(one.trace_id)}
