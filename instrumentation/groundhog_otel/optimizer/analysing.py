"""What is slow in a recording: the one place from which detectors are asked."""

from __future__ import annotations

from importlib import import_module

from groundhog_otel.analysis.detectors import NAMES
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.store.model import Recording

__all__ = ("analysed",)


def analysed(recording: Recording) -> list[Finding]:
    """Return what all detectors find, the most time lost first."""
    found: list[Finding] = []
    for name in NAMES:
        found += import_module(f"groundhog_otel.analysis.detectors.{name}").detect(recording)
    return sorted(found, key=lambda one: one.total_ms, reverse=True)
