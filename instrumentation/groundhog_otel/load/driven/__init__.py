"""The engine in a process of its own, driven by another load generator, which decides how many users there are."""

from __future__ import annotations

__all__ = ()
