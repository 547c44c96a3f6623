"""Whether memory grows with the calls: three tests that must agree."""

from __future__ import annotations

__all__ = ()
