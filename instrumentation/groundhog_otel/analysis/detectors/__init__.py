"""Detectors: one file each, each a pure function from a recording to findings.

``detect(recording: Recording) -> list[Finding]`` in ``detectors/<name>.py``; the findings have the file's name.
"""

from __future__ import annotations

__all__ = ("NAMES",)

NAMES: tuple[str, ...] = (
    "blocking_call",
    "worker_threads",
    "gc_pauses",
    "contention",
    "contrast",
    "tail_amplification",
)
"""In the order in which they are asked."""
