"""Pages of one file: markup that escapes what it is given, and the document around it."""

from __future__ import annotations

__all__ = ()
