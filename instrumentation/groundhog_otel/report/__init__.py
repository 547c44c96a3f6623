"""What a person or a program reads: the summary of a recording, on the terminal or as JSON."""

from __future__ import annotations

__all__ = ()
