"""A profile as every engine makes it and every format writes it: stacks with values, each linked to its operation."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ("Frame", "Kind", "Link", "Profile", "Sample", "Stack", "State", "ValueType", "new_profile_id")

Kind = Literal["cpu", "memory"]
State = Literal["running", "waiting", "awaiting"]
"""What a stack was doing.

``running``: its thread used the CPU. ``waiting``: its thread was blocked, or kept from running. ``awaiting``: it is a
coroutine that was suspended, and its event loop was free to run others.
"""


@dataclass(frozen=True, slots=True)
class ValueType:
    """What one of a sample's numbers measures, in pprof's words: ``("wall", "nanoseconds")``."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of one function."""

    function: str
    """Qualified where the interpreter knows it: from Python 3.11."""
    file: str
    line: int
    """The line that was being executed, from 1; 0 when that is not known."""
    module: str = ""


Stack = tuple[Frame, ...]
"""Outermost first."""


@dataclass(frozen=True, slots=True)
class Link:
    """The MCP operation on whose behalf something happened."""

    method: str
    """``tools/call`` and the like."""
    target: str | None = None
    """The tool, prompt or resource template: what the span's name says after the method."""
    side: Literal["server", "client"] = "server"
    trace_id: str | None = None
    """32 hexadecimal digits; None where the operation has no span."""
    span_id: str | None = None
    """16 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A stack, and what it used. One sample may stand for many looks at the same stack."""

    stack: Stack
    values: tuple[int, ...]
    """One for each of the profile's ``value_types``."""
    link: Link | None = None
    """None outside of any operation."""
    state: State | None = None
    """None in profiles of memory."""
    thread: str = ""
    time_ns: int | None = None
    """Nanoseconds since 1970, of the first look; None where it stands for the whole profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one profiler has seen of one process between two moments."""

    profile_id: str
    """32 hexadecimal digits; a span that it covers carries it as ``groundhog.profile.id``."""
    kind: Kind
    start_ns: int
    """Nanoseconds since 1970."""
    end_ns: int
    value_types: tuple[ValueType, ...]
    """Of a CPU profile ``wall`` and ``cpu`` in nanoseconds; of a memory profile ``alloc_objects`` (count),
    ``alloc_space`` (bytes), ``inuse_objects`` and ``inuse_space``, or those of them that its engine knows."""
    samples: tuple[Sample, ...]
    service: str = ""
    pid: int | None = None
    engine: str = ""
    """What took the samples, and its version where it is another project's."""
    interval_ns: int | None = None
    """Between two looks, as asked for; None when nothing is sampled."""
    complete: bool = True
    """False when the process ended before it could close the profile."""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """What else its reader should know, such as looks that came late; names in plain words."""


def new_profile_id() -> str:
    """Return an id for a profile that starts now."""
    return secrets.token_hex(16)
