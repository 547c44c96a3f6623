"""What the heap consists of."""

from __future__ import annotations

from dataclasses import dataclass

from groundhog_otel.profiling.memory.heap.referrers import Chain
from groundhog_otel.profiling.model import Link, Stack

__all__ = ("HeapReport", "Holder", "Line", "ModuleMemory", "TypeMemory")


@dataclass(frozen=True, slots=True)
class TypeMemory:
    """All objects of one type, without what they refer to."""

    name: str
    objects: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ModuleMemory:
    """One module's share, in two ways."""

    name: str
    held_bytes: int
    """What its variables, and those of its classes, hold alone: it would be freed if they were deleted."""
    allocated_bytes: int | None
    """What its lines have allocated since tracing began; None where nothing is traced."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line has allocated since tracing began, and is in use."""

    stack: Stack
    link: Link | None
    objects: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A variable, or a large container, and what would be freed without it."""

    name: str
    """``module.VARIABLE``, or the chain that leads to the container."""
    type: str
    frees_bytes: int
    """At least so much, if every variable that refers to it were deleted, or the container emptied."""
    frees_objects: int
    entries: int | None = None
    """Of a container or cache."""
    bound: int | None = None
    """The most entries that it will ever hold; None where it has no bound that shows."""
    frees_half_bytes: int | None = None
    """If it were bounded to half of its present entries, the latest; None for what has none, or no order."""
    names: int = 1
    """Variables that refer to it."""
    chain: Chain | None = None


@dataclass(frozen=True, slots=True)
class HeapReport:
    """What the heap consists of, the largest first everywhere."""

    objects: int
    size_bytes: int
    """Of all objects, as they say themselves; what C libraries keep beside them is not in it."""
    resident_bytes: int
    """What the process uses by itself, for comparison."""
    types: tuple[TypeMemory, ...]
    modules: tuple[ModuleMemory, ...]
    lines: tuple[Line, ...]
    """Empty where nothing is traced."""
    holders: tuple[Holder, ...]
    left_out: int
    """Variables that there was no time to follow, or that lead to too much: what they hold is not known."""
    took_s: float
    """How long the process stood still."""
