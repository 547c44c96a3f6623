"""Detectors: one file each, each a pure function from a recording to findings.

``detect(recording: Recording) -> list[Finding]`` in ``detectors/<name>.py``; the findings have the file's name. Other
packages add theirs by an entry point in the group ``groundhog_detector``: its name, and such a function.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.store.model import Recording

__all__ = ("GROUP", "NAMES", "detector", "known")

GROUP: Final = "groundhog_detector"

NAMES: tuple[str, ...] = (
    "repeated_calls",
    "uncached_lists",
    "large_payloads",
    "cpu_bound",
    "sequential_calls",
    "n_plus_one",
    "retries",
    "connection_churn",
    "cold_start",
    "blocking_call",
    "worker_threads",
    "gc_pauses",
    "contention",
    "contrast",
    "tail_amplification",
)
"""In the order in which they are asked."""


def known() -> tuple[str, ...]:
    """Return the names of all detectors: our own, then those of other packages."""
    return (*NAMES, *sorted({one.name for one in entry_points(group=GROUP)} - set(NAMES)))


def detector(name: str) -> Callable[[Recording], list[Finding]]:
    """Return a detector by its name.

    Raises:
        ImportError: there is none, or something that it needs is not installed.
    """
    theirs = () if name in NAMES else tuple(entry_points(group=GROUP, name=name))
    found: Callable[[Recording], list[Finding]] = (
        theirs[0].load() if theirs else import_module(f"{__name__}.{name}").detect
    )
    return found
