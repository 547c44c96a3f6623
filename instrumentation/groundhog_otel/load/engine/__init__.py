"""Runs a load test: what is due is begun when it is due, and recorded."""

from __future__ import annotations

__all__ = ()
