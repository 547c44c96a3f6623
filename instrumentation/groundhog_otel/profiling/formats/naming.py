"""What all formats call things: operations, frames, and the value that is meant when none is named."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.model import Frame, Link, Profile, Sample

__all__ = ("OUTSIDE", "frame_name", "operation_name", "rooted", "value_index")

OUTSIDE: Final = "(outside of any operation)"
_USUAL: Final = ("wall", "inuse_space", "alloc_space")
"""The values that are shown when nobody says which."""


def operation_name(link: Link | None) -> str:
    """Return what the operation's span is called, and whether it is a client's."""
    if link is None:
        return OUTSIDE
    name = link.method if link.target is None else f"{link.method} {link.target}"
    return f"{name} (client)" if link.side == "client" else name


def frame_name(frame: Frame) -> str:
    """Return a frame in a line of text: ``rank (ranking.py:40)``."""
    file = PurePath(frame.file).name
    place = f"{file}:{frame.line}" if frame.line else file
    return f"{frame.function} ({place})" if place else frame.function


def rooted(sample: Sample) -> tuple[str, ...]:
    """Return what stands below a sample's stack where stacks are all there is: its operation, and how it waited."""
    name = operation_name(sample.link)
    return (name,) if sample.state in (None, "running") else (name, f"({sample.state})")


def value_index(profile: Profile, name: str | None = None) -> int:
    """Return which of a profile's values has a name; the time, or else the memory, that passed when there is none.

    Raises:
        ProfileError: the profile has no such value.
    """
    names = [one.name for one in profile.value_types]
    if name is None:
        return next((names.index(one) for one in _USUAL if one in names), 0)
    if name not in names:
        raise ProfileError(f"This profile has no {name!r}: choose one of {', '.join(names) or 'none at all'}")
    return names.index(name)
