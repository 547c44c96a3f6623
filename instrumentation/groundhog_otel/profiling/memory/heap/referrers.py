"""Who holds an object: one chain of references, from a variable of a module, class or coroutine down to it."""

from __future__ import annotations

import functools
import gc
import re
import sys
import types
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from groundhog_otel.profiling.memory.heap.objects import every_object, name_of_type, referents, untracked_holders

__all__ = ("Chain", "chain_to")

_MOST_LEVELS: Final = 16
_MOST_HOLDERS: Final = 3_000
"""Of one level. What so many refer to is shared, and leads to everything."""
_PATTERNS: Final[dict[Any, Any]] = getattr(re, "_cache", {})
"""The standard library's own cache without a bound that shows."""
_LRU: Final = type(functools.lru_cache(lambda: None))
_LEAVES: Final = (types.FrameType, types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain of references. It names variables, attributes and types, and no value."""

    steps: tuple[str, ...]
    """Outermost first: ``module.VARIABLE``, then types with the attributes that lead on."""
    rooted: bool
    """Whether it begins at a variable; else the search came no further."""
    bound: int | None = None
    """The most entries that a cache on the way will ever hold, where it is of a kind that says so."""
    entries: int | None = None
    """How many it holds now."""

    def __str__(self) -> str:
        return " → ".join(self.steps)


def chain_to(
    found: object, *, untracked: Sequence[object] | None = None, ignore: Iterable[object] = (), timeout_s: float = 5.0
) -> Chain:
    """Return the shortest chain to an object; it takes a look at the whole heap for each step.

    ``untracked`` are all holders that the garbage collector does not know, where the caller has them at hand.
    ``ignore`` are the caller's own.
    """
    if untracked is None:
        untracked = untracked_holders(every_object())
    named = sorted(sys.modules.copy().items(), key=lambda one: one[0] == "__main__")  # which has other names, too
    modules = {id(vars(one)): name for name, one in named if isinstance(one, types.ModuleType)}
    deadline = monotonic() + timeout_s
    next_to: dict[int, tuple[Any, Any]] = {}
    known = {id(found), id(untracked), id(modules), id(next_to), id(sys._getframe()), *map(id, ignore)}
    level: list[Any] = [found]
    top: Any = found
    for _ in range(_MOST_LEVELS):
        known.add(id(level))
        holders = _holders(level, untracked, known)
        known.add(id(holders))
        for pair in holders:
            known |= {id(pair), id(pair[0])}
            next_to[id(pair[0])] = pair
        root = next((one for one, _ in holders if id(one) in modules), None)
        if root is None:
            root = next((one for one, _ in holders if issubclass(type(one), _LEAVES)), None)
        if root is not None:
            return _told(root, found, next_to, modules)
        level = [one for one, _ in holders]
        if not level or len(level) > _MOST_HOLDERS or monotonic() > deadline:
            break
        top = level[0]
    return _told(top, found, next_to, modules)


def _holders(level: list[Any], untracked: Sequence[object], known: set[int]) -> list[tuple[Any, Any]]:
    """Return who refers to one of the objects, each with one that it refers to."""
    wanted = {id(one): one for one in level}
    found: list[tuple[Any, Any]] = []
    frame = sys._getframe()
    for holder in (*gc.get_referrers(*level), *untracked):
        if id(holder) in known or holder is wanted or holder is found or holder is frame:
            continue
        held = next((wanted[id(one)] for one in referents([holder]) if id(one) in wanted), None)
        if held is not None:
            found.append((holder, held))
    return found


def _told(top: Any, found: Any, next_to: dict[int, tuple[Any, Any]], modules: dict[int, str]) -> Chain:
    steps: list[str] = []
    bound = entries = None
    rooted = id(top) in modules or issubclass(type(top), _LEAVES)
    holder, before = top, None
    while True:
        held = next_to[id(holder)][1] if holder is not found else None
        bounded = _bounded(holder)
        if bounded is not None:
            bound, entries = bounded
        space = id(holder) in modules or _is_space_of(before, holder)
        name = _name(holder, held, space=space) if held is not None else ""
        if id(holder) in modules:
            steps.append(f"{modules[id(holder)]}.{name}")
        elif space:
            steps[-1] += f" .{name}"
        else:
            steps.append(_label(holder) + (f" .{name}" if name else ""))
        if held is None:
            return Chain(tuple(steps), rooted, bound, entries)
        holder, before = held, holder


def _is_space_of(owner: Any, found: Any) -> bool:
    """Tell whether a dict is where an object, or a class, has its attributes."""
    if type(found) is not dict or owner is None:
        return False
    return issubclass(type(owner), type) or _attributes(owner) is found


def _attributes(holder: Any) -> Any:
    try:
        return object.__getattribute__(holder, "__dict__")
    except Exception:
        return None


def _label(holder: Any) -> str:
    kind = type(holder)
    if issubclass(kind, type):
        return f"class {name_of_type(holder)}"
    if issubclass(kind, (types.FunctionType, _LRU)):
        return f"{name_of_type(kind)} {getattr(holder, '__qualname__', '')}"
    if issubclass(kind, _LEAVES[1:]):
        return f"a local variable of {kind.__name__} {holder.__qualname__}"
    if issubclass(kind, types.FrameType):
        return f"a local variable of frame {holder.f_code.co_name}"
    if kind in {list, dict, set, tuple, frozenset, deque} or issubclass(kind, dict | list | set | deque):
        return f"{name_of_type(kind)} of {kind.__len__(holder):,}"
    return name_of_type(kind)


def _name(holder: Any, held: Any, *, space: bool) -> str:
    """Return the variable or attribute by which a holder refers to an object; a key of the program's own is data."""
    kind = type(holder)
    names = holder if space else _attributes(holder)
    if type(names) is dict:
        for name, value in names.copy().items():
            if value is held and isinstance(name, str):
                return name
    for owner in kind.__mro__:
        for name, member in vars(owner).items():
            if isinstance(member, types.MemberDescriptorType):
                try:
                    if member.__get__(holder, kind) is held:
                        return name
                except AttributeError:
                    continue
    return ""


def _bounded(holder: Any) -> tuple[int, int] | None:
    """Return the most entries that a holder will have, and those that it has; None where it has no bound that shows."""
    if holder is _PATTERNS:
        return int(getattr(re, "_MAXCACHE", 0)), len(_PATTERNS)
    if issubclass(type(holder), _LRU):
        info = holder.cache_info()
        return None if info.maxsize is None else (info.maxsize, info.currsize)
    if type(holder) is deque and holder.maxlen is not None:
        return holder.maxlen, len(holder)
    return None
