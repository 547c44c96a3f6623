"""What an experiment has measured: both servers, in turn, under the same load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groundhog_otel.load.results.result import LoadResult

__all__ = ("Block", "Segment")


@dataclass(frozen=True, slots=True)
class Segment:
    """One server under load for a while."""

    response: Mapping[str, str]
    """By operation: HDR histogram of microseconds, encoded."""
    count: int
    """Requests."""
    errors: int
    """Those that failed."""
    cpu_s: float
    """Seconds of CPU time that the server's processes used meanwhile."""
    memory_bytes: int
    """Resident at its end."""

    @classmethod
    def of(cls, result: LoadResult, *, cpu_s: float, memory_bytes: int) -> Segment:
        """Return what a load test has measured."""
        return cls(
            response={one.name: one.response for one in result.operations},
            count=sum(one.count for one in result.operations),
            errors=sum(sum(one.errors.values()) for one in result.operations),
            cpu_s=cpu_s,
            memory_bytes=memory_bytes,
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Both servers, close together in time: without, with, with, without; or the other way round."""

    without: tuple[Segment, ...]
    changed: tuple[Segment, ...]
