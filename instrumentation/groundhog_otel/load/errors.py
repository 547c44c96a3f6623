"""What a load test cannot be done for."""

from __future__ import annotations

__all__ = ("LoadError", "StoppedError")


class LoadError(Exception):
    """A load test cannot start, or its input is wrong. One sentence that says why, and what to do."""


class StoppedError(LoadError):
    """A load test was stopped before it began, so that there is nothing to report."""
