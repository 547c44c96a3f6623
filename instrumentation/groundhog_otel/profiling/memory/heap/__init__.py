"""What the heap consists of, and who holds it."""

from __future__ import annotations

__all__ = ()
