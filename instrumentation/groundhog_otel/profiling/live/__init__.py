"""Profiles of processes that run, begun by the environment, a signal, or ``groundhog profile attach``."""

from __future__ import annotations

__all__ = ()
