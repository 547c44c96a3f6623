"""What a profile cannot be taken, read or written for."""

from __future__ import annotations

__all__ = ("ProfileError",)


class ProfileError(Exception):
    """A profile cannot be taken, read or written. One sentence that says why, and what to do."""
