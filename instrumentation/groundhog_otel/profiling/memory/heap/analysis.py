"""Looks at the whole heap once: by type, by module, by line, and by what holds it."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from groundhog_otel.profiling.memory.frames import module_of
from groundhog_otel.profiling.memory.heap.objects import (
    every_object,
    name_of_type,
    size_of,
    sums_by_type,
    untracked_holders,
)
from groundhog_otel.profiling.memory.heap.referrers import chain_to
from groundhog_otel.profiling.memory.heap.report import HeapReport, Holder, Line, ModuleMemory, TypeMemory
from groundhog_otel.profiling.memory.heap.retained import Freed, freed_by_bound, freed_without
from groundhog_otel.profiling.memory.heap.variables import LRU, Variable, variables
from groundhog_otel.profiling.memory.leaks.history import resident_bytes
from groundhog_otel.profiling.memory.traces import in_use, stack_of

__all__ = ("analyzed",)

_CONTAINERS: Final = (dict, list, set, deque)
_LARGEST: Final = 10
"""Containers that no variable names, which are looked for by who refers to them."""
_LEAST_BYTES: Final = 10_000
_FEW: Final = 2_000
_MANY: Final = 500_000
"""Objects that one variable may lead to."""


def analyzed(*, most: int, timeout_s: float) -> HeapReport:
    """Return what the heap consists of, up to ``most`` of everything, within about ``timeout_s``."""
    begun = monotonic()
    deadline = begun + timeout_s
    gc.collect()
    resident, traced = resident_bytes(), in_use() if tracemalloc.is_tracing() else None
    named = variables()
    known = {id(one.value) for one in named}
    held: Counter[str] = Counter()
    # The program's own come first: there may be no time for all the others.
    holders, left_out = _of_variables([one for one in named if not one.foreign], held, deadline)
    # A list of objects is one more that refers to them, so it must be gone before the next look at who does.
    objects = every_object()
    types = sums_by_type(objects)
    count, size = len(objects), sum(size for _, size in types.values())
    largest = _largest_containers(objects)
    del objects
    holders += _of_containers(largest, known, deadline)
    del largest
    more, more_left_out = _of_variables([one for one in named if one.foreign], held, deadline)
    holders += more
    left_out += more_left_out
    allocated: Counter[str] = Counter()
    for place, (_, used) in (traced or {}).items():
        allocated[module_of(place.lines[-1][0])] += used
    modules = [
        ModuleMemory(name, held[name], None if traced is None else allocated[name]) for name in {*held, *allocated}
    ]
    lines = [Line(stack_of(place), place.link, *used) for place, used in _top(traced or {}, most)]
    return HeapReport(
        objects=count,
        size_bytes=size,
        resident_bytes=resident,
        types=tuple(TypeMemory(name, *found) for name, found in _top(types, most)),
        modules=tuple(
            sorted(modules, key=lambda one: max(one.held_bytes, one.allocated_bytes or 0), reverse=True)[:most]
        ),
        lines=tuple(lines),
        holders=tuple(sorted(holders, key=lambda one: one.frees_bytes, reverse=True)[:most]),
        left_out=left_out,
        took_s=monotonic() - begun,
    )


def _top(sums: Any, most: int) -> list[tuple[Any, tuple[int, int]]]:
    return sorted(sums.items(), key=lambda one: -one[1][1])[:most]


def _of_variables(named: Sequence[Variable], held: Counter[str], deadline: float) -> tuple[list[Holder], int]:
    """Return those that hold much, and how many were left out; add to ``held`` what modules hold."""
    found: list[Holder] = []
    # First what leads to little, which is most of it; then, for as long as there is time, what leads to much.
    for most_objects in (_FEW, _MANY):
        large = []
        for variable in named:
            freed = _without(variable, most_objects, deadline)
            if not freed.complete:
                large.append(variable)
            held[variable.module] += freed.size_bytes
            if freed.size_bytes >= _LEAST_BYTES:
                found.append(_holder(variable.name, variable.value, freed, deadline, names=variable.names))
        named = large
    return found, len(named)


def _without(variable: Variable, most_objects: int, deadline: float) -> Freed:
    if type(variable.value) is LRU:
        return _cleared(variable.value, most_objects, deadline)
    # The variable that we have made of it refers to it, too.
    targets = [variable.value] * (variable.names + 1)
    return freed_without(targets, most_objects=most_objects, deadline=deadline)


def _of_containers(largest: Sequence[Any], known: set[int], deadline: float) -> list[Holder]:
    """Return the large containers that are no variable's own: attributes of objects, and locals that wait."""
    freed = [Freed(0, 0) if id(one) in known else _emptied(one, deadline) for one in largest]
    worth_it = [(one, size) for one, size in zip(largest, freed, strict=True) if size.size_bytes >= _LEAST_BYTES]
    untracked = untracked_holders(every_object()) if worth_it else []
    own = (largest, worth_it, untracked, *worth_it)
    found = []
    for container, size in worth_it:
        left_s = deadline - monotonic()
        if left_s <= 0:
            break
        chain = chain_to(container, untracked=untracked, ignore=own, timeout_s=left_s)
        if chain.rooted:
            found.append((chain, container, size))
    del untracked, own, worth_it
    return [_holder(str(chain), container, size, deadline, chain=chain) for chain, container, size in found]


def _holder(name: str, value: Any, freed: Freed, deadline: float, **more: Any) -> Holder:
    kind = type(value)
    container = _cache_of(value) if kind is LRU else value
    entries = half = bound = None
    if issubclass(type(container), _CONTAINERS):
        entries = _length(container)
        # A set has no order; and the cache's own order is not that of its dict.
        if not issubclass(type(container), set) and kind is not LRU:
            found = freed_by_bound(container, entries=entries // 2, deadline=deadline)
            half = found.size_bytes if found.complete else None
    if kind is LRU:
        bound = value.cache_info().maxsize
    elif issubclass(kind, deque):
        bound = value.maxlen
    return Holder(
        name, name_of_type(kind), freed.size_bytes, freed.objects, entries=entries, bound=bound,
        frees_half_bytes=half, **more,
    )  # fmt: skip


def _emptied(container: Any, deadline: float) -> Freed:
    """Return what would be freed if a container were emptied: what a bound of no entries frees."""
    return freed_by_bound(container, entries=0, deadline=deadline)


def _cleared(function: Any, most_objects: int, deadline: float) -> Freed:
    """Return what ``cache_clear`` would free. With a bound, the function itself refers to each key and result, too."""
    cache = _cache_of(function)
    if cache is None:
        return Freed(0, 0)
    fixed = {id(function), id(cache), id(object.__getattribute__(function, "__dict__"))}
    targets = [*dict.keys(cache), *dict.values(cache)]
    targets += [one for one in gc.get_referents(function) if id(one) not in fixed]
    return freed_without(targets, outside=fixed, most_objects=most_objects, deadline=deadline)


def _cache_of(function: Any) -> dict[Any, Any] | None:
    """Return the dict in which a function with ``lru_cache`` keeps its results."""
    named = object.__getattribute__(function, "__dict__")
    return next((one for one in gc.get_referents(function) if type(one) is dict and one is not named), None)


def _largest_containers(objects: Sequence[Any]) -> list[Any]:
    containers = [one for one in objects if issubclass(type(one), _CONTAINERS)]
    return sorted(containers, key=size_of, reverse=True)[:_LARGEST]


def _length(container: Any) -> int:
    kind = next(kind for kind in (OrderedDict, *_CONTAINERS) if issubclass(type(container), kind))
    return kind.__len__(container)
