"""What tracemalloc knows: the memory that is in use, by the lines that have asked for it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import groundhog_otel.profiling
from groundhog_otel.profiling.memory.frames import frame_at
from groundhog_otel.profiling.memory.marks import OWN_FILE, link_of
from groundhog_otel.profiling.model import Link, Stack

__all__ = ("MOST_FRAMES", "Lines", "Place", "Tracing", "difference", "in_use", "stack_of")

MOST_FRAMES: Final = 100
Lines = tuple[tuple[str, int], ...]
"""File and line of each frame, outermost first."""
_OWN: Final = str(Path(groundhog_otel.profiling.__file__).parent)


@dataclass(frozen=True, slots=True)
class Place:
    """Where memory was asked for, and for whom."""

    lines: Lines
    link: Link | None


class Tracing:
    """tracemalloc while somebody needs it: one that was running before is used as it is, and goes on afterwards."""

    def __init__(self, frames: int) -> None:
        self.ours = not tracemalloc.is_tracing()
        if self.ours:
            tracemalloc.start(frames)
        self.frames = tracemalloc.get_traceback_limit()

    def stop(self) -> None:
        """Stop it, if it is ours: what it knows is gone."""
        if self.ours:
            tracemalloc.stop()
            self.ours = False


def in_use() -> dict[Place, tuple[int, int]]:
    """Return objects and bytes in use by place, without the profiler's own."""
    found: dict[Place, tuple[int, int]] = {}
    for one in tracemalloc.take_snapshot().statistics("traceback"):
        place = _place(tuple((frame.filename, frame.lineno) for frame in one.traceback))
        if place is not None:
            count, size = found.get(place, (0, 0))
            found[place] = count + one.count, size + one.size
    return found


def difference(now: Mapping[Place, tuple[int, int]], then: Mapping[Place, tuple[int, int]]) -> dict[Place, list[int]]:
    """Return what has come (or, below zero, gone) between two looks: objects and bytes by place."""
    places = dict.fromkeys((*then, *now))
    found = {place: [a - b for a, b in zip(now.get(place, _NONE), then.get(place, _NONE), strict=True)]
             for place in places}  # fmt: skip
    return {place: values for place, values in found.items() if any(values)}


_NONE: Final = (0, 0)


def stack_of(place: Place) -> Stack:
    """Return the frames of a place, with the names that the sources give."""
    return tuple(frame_at(file, line) for file, line in place.lines)


def _place(lines: Lines) -> Place | None:
    link = None
    kept = []
    for file, line in lines:
        if file == OWN_FILE:
            continue
        if file.startswith(_OWN) or file == tracemalloc.__file__:
            return None
        found = link_of(file)
        link = found or link  # the innermost
        if found is None:
            kept.append((file, line))
    return Place(tuple(kept), link) if kept else None
