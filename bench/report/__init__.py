"""What the page of a report costs to make and to open."""

from __future__ import annotations

__all__ = ()
