"""Pages of one file: markup that escapes what it is given, charts, tables, and the document around them."""

from __future__ import annotations

__all__ = ()
