"""What the search for a leak has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from groundhog_otel.profiling.memory.heap.referrers import Chain
from groundhog_otel.profiling.memory.leaks.growth import Growth
from groundhog_otel.profiling.model import Stack

__all__ = ("GrowingLine", "GrowingType", "LeakReport", "Verdict")

Verdict = Literal["leak", "clean", "filling", "undecided"]
"""``leak``: all three tests say so. ``clean``: memory as a whole does not grow. ``filling``: it does, in caches
and queues that have a bound. ``undecided``: the tests do not agree, or there were too few calls."""


@dataclass(frozen=True, slots=True)
class GrowingLine:
    """A line that asks for more memory with every call than is given back."""

    stack: Stack
    tool: str | None
    """Known where enough frames are traced to see from the line to its operation."""
    growth: Growth
    """Bytes for each call."""
    chain: Chain | None = None
    """Who holds one of the objects that it has made, of a type that grows as well; None where none was looked for."""


@dataclass(frozen=True, slots=True)
class GrowingType:
    """A type of which there are more bytes with every call."""

    name: str
    growth: Growth
    """Bytes for each call, without what the objects refer to."""


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The three tests, and what they come to."""

    verdict: Verdict
    reason: str
    """One sentence."""
    calls: int
    """Those between the first and the last measurement, after the warm-up."""
    windows: int
    bytes_per_call: float
    """What each call leaves behind, by the lines that grow steadily in nothing that has a bound; 0 where none leaks."""
    memory: Growth | None
    """First test: what Python has in use after a collection, in bytes for each call."""
    resident: Growth | None
    """The same of the memory that the process has from the system: what C code keeps shows only here."""
    lines: tuple[GrowingLine, ...]
    """Second test: the lines that grow steadily, the fastest first."""
    types: tuple[GrowingType, ...]
    """Third test: the types that grow steadily, the fastest first."""
    calls_per_s: float
    resident_bytes: int
    limit_bytes: int
    hours_to_limit: float | None
    """At the present rate of calls; None where nothing leaks."""
    longest_pause_s: float
    """How long the longest measurement has stopped the process."""

    @property
    def leaks(self) -> bool:
        """Whether a leak was found."""
        return self.verdict == "leak"

    @property
    def chain(self) -> Chain | None:
        """Who holds what the fastest line without a bound has made."""
        found = [one.chain for one in self.lines if one.chain is not None]
        return next((one for one in found if one.bound is None), found[0] if found else None)
