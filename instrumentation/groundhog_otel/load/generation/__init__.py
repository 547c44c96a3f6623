"""Arguments for tools, drawn from their JSON schemas."""

from __future__ import annotations

__all__ = ()
