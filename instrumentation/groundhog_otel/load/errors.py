"""What a load test cannot be done for."""

from __future__ import annotations

__all__ = ("LoadError",)


class LoadError(Exception):
    """A load test cannot start, or its input is wrong. One sentence that says why, and what to do."""
