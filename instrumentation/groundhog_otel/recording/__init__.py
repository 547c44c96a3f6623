"""How a command is started so that it records itself: its launcher, its environment. Nothing is started here."""

from __future__ import annotations

__all__ = ()
