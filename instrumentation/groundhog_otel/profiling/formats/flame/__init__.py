"""Flame graphs as pages of one file: of a profile, and of what changed between two."""

from __future__ import annotations

__all__ = ()
