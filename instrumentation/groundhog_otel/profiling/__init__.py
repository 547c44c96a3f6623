"""Profilers: which line of which tool takes the time, which allocation of which call takes the memory."""

from __future__ import annotations

__all__ = ()
