"""Improvements that are tried under load, beside the server without them, and kept only when they prove themselves."""

from __future__ import annotations

__all__ = ()
