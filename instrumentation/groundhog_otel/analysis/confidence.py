"""How sure a finding is, by how much there is to go by."""

from __future__ import annotations

__all__ = ("confidence",)


def confidence(seen: int, *, half: int, most: float = 1.0) -> float:
    """Return a number from 0 to ``most`` that grows with how often something was seen; half of it at ``half``."""
    return most * max(seen, 0) / (max(seen, 0) + half)
