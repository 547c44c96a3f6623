"""What each call has allocated: a memory profile, summed by its operations and by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from groundhog_otel.profiling.model import Link, Profile

__all__ = ("CallMemory", "ToolMemory", "by_call", "by_tool")


@dataclass(frozen=True, slots=True)
class CallMemory:
    """One operation's memory. What its engine does not know is None."""

    link: Link
    allocated_bytes: int | None
    """All that it has allocated, freed or not."""
    allocated_objects: int | None
    left_bytes: int
    """What of it was in use when the profile ended."""
    left_objects: int
    peak_bytes: int | None = None
    """The most that it held at one moment."""


@dataclass(frozen=True, slots=True)
class ToolMemory:
    """The memory of all calls of one tool, or of all operations of one method and target."""

    method: str
    target: str | None
    calls: int
    """Those that have begun while the profile was taken."""
    allocated_bytes: int | None
    """All calls together; ``median_allocated_bytes`` is that of a single one."""
    left_bytes: int
    median_allocated_bytes: int | None
    largest_peak_bytes: int | None
    by_call: tuple[CallMemory, ...] = field(repr=False, default=())
    """The calls that have a span; that with the largest allocations first."""


def by_call(profile: Profile, *, peaks: Mapping[Link, int] | None = None) -> tuple[CallMemory, ...]:
    """Return each operation of a memory profile, that with the largest allocations first.

    ``peaks`` are the most bytes that each held, where that is known. Raises ``ValueError`` for a profile of CPU time.
    """
    places = {one.name: index for index, one in enumerate(profile.value_types)}
    if "inuse_space" not in places:
        raise ValueError(f"This is a profile of {profile.kind} and counts no memory; give one of kind 'memory'.")
    sums: dict[Link, list[int]] = {}
    for sample in profile.samples:
        if sample.link is not None:
            so_far = sums.setdefault(sample.link, [0] * len(places))
            for index, one in enumerate(sample.values):
                so_far[index] += one

    def value(found: list[int], name: str) -> int | None:
        return found[places[name]] if name in places else None

    calls = [
        CallMemory(
            link,
            value(found, "alloc_space"),
            value(found, "alloc_objects"),
            found[places["inuse_space"]],
            value(found, "inuse_objects") or 0,
            None if peaks is None else peaks.get(link),
        )
        for link, found in sums.items()
    ]
    return tuple(sorted(calls, key=_weight, reverse=True))


def by_tool(
    calls: tuple[CallMemory, ...], *, begun: Mapping[tuple[str, str | None], int] | None = None
) -> tuple[ToolMemory, ...]:
    """Return the calls summed by method and target, that with the largest allocations first.

    ``begun`` says how many have begun: a call that has allocated nothing is in no profile.
    """
    groups: dict[tuple[str, str | None], list[CallMemory]] = {}
    for call in calls:
        groups.setdefault((call.link.method, call.link.target), []).append(call)
    return tuple(_tool(key, group, (begun or {}).get(key, len(group))) for key, group in groups.items())


def _tool(key: tuple[str, str | None], calls: list[CallMemory], begun: int) -> ToolMemory:
    allocated = [one.allocated_bytes for one in calls if one.allocated_bytes is not None]
    single = [one.allocated_bytes for one in calls if one.link.span_id and one.allocated_bytes is not None]
    peaks = [one.peak_bytes for one in calls if one.peak_bytes is not None]
    return ToolMemory(
        *key,
        calls=begun,
        allocated_bytes=sum(allocated) if allocated else None,
        left_bytes=sum(one.left_bytes for one in calls),
        median_allocated_bytes=int(median(single)) if single else None,
        largest_peak_bytes=max(peaks, default=None),
        by_call=tuple(one for one in calls if one.link.span_id),
    )


def _weight(call: CallMemory) -> int:
    return call.left_bytes if call.allocated_bytes is None else call.allocated_bytes
