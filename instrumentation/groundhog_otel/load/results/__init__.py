"""What a load test has measured: its model, its files, and one of several parts."""

from __future__ import annotations

__all__ = ()
