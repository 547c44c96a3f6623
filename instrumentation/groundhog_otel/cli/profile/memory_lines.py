"""Which lines have allocated what, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

from groundhog_otel.profiling.formats.naming import operation_name, value_index
from groundhog_otel.profiling.model import Frame, Profile

__all__ = ("Line", "lines_of")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and what it has allocated by itself for one operation."""

    frame: Frame
    operation: str | None
    """None outside of any."""
    values: tuple[int, ...]
    """As the profile has them."""


def lines_of(profile: Profile, value: str | None = None) -> list[Line]:
    """Return the innermost lines of a memory profile, those with most of ``value`` first.

    Raises:
        ProfileError: it has no such value.
    """
    place = value_index(profile, value)
    sums: dict[tuple[Frame, str | None], list[int]] = {}
    for sample in profile.samples:
        if sample.stack:
            name = None if sample.link is None else operation_name(sample.link)
            so_far = sums.setdefault((sample.stack[-1], name), [0] * len(sample.values))
            for index, one in enumerate(sample.values):
                so_far[index] += one
    lines = [Line(frame, name, tuple(values)) for (frame, name), values in sums.items()]
    return sorted(lines, key=lambda one: -one.values[place])
