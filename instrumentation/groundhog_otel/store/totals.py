"""What many spans come to: per operation, and per trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ("OperationTotals", "TraceTotals")


@dataclass(frozen=True, slots=True)
class OperationTotals:
    """All MCP operations of one name at one side of one service."""

    service: str
    side: Literal["client", "server"]
    name: str
    """``{method} {target}``, the span's name."""
    method: str
    count: int
    p50_s: float
    """Seconds, by nearest rank: each is the duration of one of them."""
    p90_s: float
    p99_s: float
    max_s: float
    errors: tuple[tuple[str, int], ...]
    """Each ``error.type`` and how often, the most frequent first, and by name."""


@dataclass(frozen=True, slots=True)
class TraceTotals:
    """One trace, whatever processes its spans come from."""

    trace_id: str
    spans: int
    start_ns: int
    """Nanoseconds since 1970."""
    duration_s: float
    """From its first start to its last end."""
