"""What would be freed if a reference went: counted as the interpreter itself counts.

An object is freed when nobody refers to it any more. So what a reference leads to is followed, and each object's count
of references is held against those that come from among themselves: whatever is referred to from anywhere else, C code
included, stays, and so does all that it leads to. It is the garbage collector's own arithmetic, and errs on the side
of "stays".
"""

from __future__ import annotations

import sys
import types
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, Final

from groundhog_otel.profiling.memory.heap.objects import referents, size_of

__all__ = ("SHARED", "Freed", "freed_by_bound", "freed_without")

SHARED: Final = (
    types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.FrameType,
    types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType,
)  # fmt: skip
"""Types of what belongs to the program rather than to its data, and leads to all of it. It is taken to stay.

They are held against an object's type: ``isinstance`` would ask the object, which may be a proxy.
"""


@dataclass(frozen=True, slots=True)
class Freed:
    """What would go."""

    size_bytes: int
    objects: int
    complete: bool = True
    """False where there was too much to follow in time: then nothing is claimed."""


def freed_without(
    targets: Sequence[object],
    *,
    outside: Collection[int] = (),
    most_objects: int = 500_000,
    deadline: float | None = None,
) -> Freed:
    """Return what would be freed if one reference to each of the targets went; two, where one is given twice.

    ``outside`` are ids of objects that stay whatever happens and are not followed. ``deadline`` is by the monotonic
    clock. Some two seconds for a million references that are followed.
    """
    members, index = _reached(targets, outside, most_objects, deadline)
    if members is None:
        return Freed(0, 0, complete=False)
    leads_to = [_among(member, index) for member in members]
    dropped = _counted(index, targets)
    for numbers in leads_to:
        for number in numbers:
            dropped[number] += 1
    # The caller's own sequence refers to the targets, our list to all: neither counts.
    own, given = _references_of_a_list(), _counted(index, targets)
    counts = list(map(sys.getrefcount, members))
    # What is counted more often than it is referred to was counted wrongly: it stays, too.
    stays = [number for number, count in enumerate(counts) if count - own - given[number] != dropped[number]]
    kept = bytearray(len(members))
    while stays:
        number = stays.pop()
        if not kept[number]:
            kept[number] = 1
            stays.extend(leads_to[number])
    gone = [member for number, member in enumerate(members) if not kept[number]]
    return Freed(sum(map(size_of, gone)), len(gone))


def _among(member: object, index: dict[int, int]) -> list[int]:
    return [index[id(one)] for one in referents([member]) if id(one) in index]


def _counted(index: dict[int, int], targets: Sequence[object]) -> list[int]:
    found = [0] * len(index)
    for target in targets:
        number = index.get(id(target))
        if number is not None:
            found[number] += 1
    return found


def freed_by_bound(container: Any, *, entries: int, deadline: float | None = None) -> Freed:
    """Return what would be freed if a container kept only its latest entries, so many of them.

    Raises ``ValueError`` for what is no dict, list, set or deque.
    """
    kind = type(container)
    if not issubclass(kind, dict | list | set | deque):
        raise ValueError(f"{kind.__name__} has no entries to bound; give a dict, list, set or deque.")
    if entries < 0:
        raise ValueError(f"entries={entries!r} is below nought; write 0 or more.")
    too_many = max(0, kind.__len__(container) - entries)
    oldest = list(islice(_entries_of(container), too_many))
    if issubclass(kind, dict):
        targets: list[object] = []
        for key, value in oldest:
            targets += (key, value)
        key = value = None
    else:
        targets = oldest
    del oldest
    return freed_without(targets, outside={id(container)}, deadline=deadline)


def _entries_of(container: Any) -> Any:
    # By the classes' own methods: a subclass may run the program's code.
    for kind, entries in ((OrderedDict, OrderedDict.items), (dict, dict.items)):
        if issubclass(type(container), kind):
            return entries(container)
    return next(kind.__iter__(container) for kind in (list, set, deque) if issubclass(type(container), kind))


def _reached(
    targets: Sequence[object], outside: Collection[int], most_objects: int, deadline: float | None
) -> tuple[list[object] | None, dict[int, int]]:
    """Return all that the targets lead to, and where in it each is, by its id."""
    members: list[object] = []
    index: dict[int, int] = {}
    frontier = list(targets)
    while frontier:
        level = []
        for one in frontier:
            if id(one) not in index and id(one) not in outside and not issubclass(type(one), SHARED):
                index[id(one)] = len(members)
                members.append(one)
                level.append(one)
        if len(members) > most_objects or (deadline is not None and monotonic() > deadline):
            return None, {}
        frontier = referents(level)
    return members, index


def _references_of_a_list() -> int:
    """Return what ``getrefcount`` says of an object that a list holds, and nobody else."""
    return next(map(sys.getrefcount, [object()]))
