"""What the numbers of a load test mean: intervals, verdicts, comparisons."""

from __future__ import annotations

__all__ = ()
