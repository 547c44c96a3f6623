"""The budgets while a program runs: measured by hand, asked for in a test, watched in a terminal or over HTTP."""

from __future__ import annotations

__all__ = ()
