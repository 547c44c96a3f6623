"""Asks every detector, and puts what they say in order."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from groundhog_otel.analysis.detectors import detector, known
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.store.model import Recording

__all__ = ("Analysis", "Failed", "analyze")

logger = logging.getLogger("groundhog_otel.analysis")


@dataclass(frozen=True, slots=True)
class Failed:
    """A detector that could not answer."""

    detector: str
    reason: str
    """In one line."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What makes a recording slow."""

    findings: tuple[Finding, ...]
    """The one that costs most in the whole recording first."""
    failed: tuple[Failed, ...]
    detectors: tuple[str, ...]
    """The names of all that were asked, failed ones included."""
    spans: int
    traces: int
    unreadable: int
    """Lines of the recording that could not be read."""

    def at_least(self, confidence: float) -> Analysis:
        """Return the same without the findings that are less sure; ``confidence`` is from 0 to 1."""
        return replace(self, findings=tuple(one for one in self.findings if one.confidence >= confidence))


def analyze(recording: Recording, *, names: Iterable[str] | None = None) -> Analysis:
    """Ask the detectors of these names about a recording; by default all.

    A detector that raises costs its own findings only: it is named in the result. The same advice about the same target
    is given once, by the finding that costs most.
    """
    findings: list[Finding] = []
    failed: list[Failed] = []
    asked = known() if names is None else tuple(names)
    for name in asked:
        try:
            findings += detector(name)(recording)
        except ImportError as error:
            reason = f"{error}; what detectors need is an extra: pip install 'groundhog-otel[analysis]'"
            failed.append(Failed(name, reason))
        except Exception as error:  # one bad detector must not cost the others
            logger.debug("The detector %s has failed", name, exc_info=True)
            failed.append(Failed(name, " ".join(f"{type(error).__name__}: {error}".split())))
    said: set[tuple[str, str, str, str]] = set()
    kept = []
    for one in sorted(findings, key=lambda one: (-one.total_ms, one.detector, one.service, one.target)):
        key = (one.detector, one.service, one.target, one.advice)
        if key not in said:
            said.add(key)
            kept.append(one)
    return Analysis(
        findings=tuple(kept),
        failed=tuple(failed),
        detectors=asked,
        spans=len(recording.spans),
        traces=len({span.trace_id for span in recording.spans}),
        unreadable=len(recording.unreadable),
    )
