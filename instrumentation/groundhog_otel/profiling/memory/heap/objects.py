"""All objects of the process: those that the garbage collector tracks, and those that only they lead to.

``bytes``, ``str``, numbers, and tuples and dicts of such are not tracked; they are found as what others refer to.
Nothing here makes many objects of its own, numbers included: while allocations are traced, each costs a microsecond.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Collection, Iterable
from itertools import chain, filterfalse
from types import FunctionType
from typing import Any, Final

import numpy as np

__all__ = ("every_object", "may_refer", "name_of_type", "referents", "size_of", "sums_by_type", "untracked_holders")

_MODULE: Final[Any] = type.__dict__["__module__"]
"""As the interpreter tells it: a metaclass may say something else, and is the program's code."""
_HAVE_GC: Final = 1 << 14
"""``Py_TPFLAGS_HAVE_GC``: of types whose objects may refer to others."""


def every_object() -> list[Any]:
    """Return every object that can be reached from one that the garbage collector tracks, once.

    About a second for a million; the list itself holds them all, so let go of it soon.
    """
    tracked: list[Any] = gc.get_objects()
    others = np.empty(0, dtype=object)
    known = np.empty(0, dtype=np.uintp)
    frontier: list[Any] = tracked
    while frontier:
        # What is tracked is there already.
        found = np.fromiter(filterfalse(gc.is_tracked, referents(frontier)), dtype=object)
        addresses, first = np.unique(_addresses(found), return_index=True)
        fresh = ~np.isin(addresses, known, assume_unique=True)
        new = found[first[fresh]]
        known = np.concatenate((known, addresses[fresh]))
        others = np.concatenate((others, new))
        frontier = _holders(new)
    tracked.extend(others)
    return tracked


def _addresses(objects: Any) -> Any:
    """Return where the objects of an array are, which is what ``id`` says of them."""
    if not len(objects):
        return np.empty(0, dtype=np.uintp)
    buffer = (ctypes.c_char * objects.nbytes).from_address(objects.ctypes.data)
    return np.frombuffer(buffer, dtype=np.uintp).copy()


def referents(holders: Collection[Any]) -> list[Any]:
    """Return what the objects refer to, some more than once, and the keys of dicts with it.

    The garbage collector does not tell of keys that are strings: they cannot be part of a cycle.
    """
    found = gc.get_referents(*holders)
    found.extend(chain.from_iterable(map(_hidden_keys, (one for one in holders if issubclass(type(one), dict)))))
    return found


def _hidden_keys(found: dict[Any, Any]) -> Iterable[Any]:
    """Return the keys that ``gc.get_referents`` leaves out: all of a dict whose keys are strings, or none."""
    size = dict.__len__(found)
    # Where they are told, there are two for each entry; a subclass has its class and more besides.
    return () if not size or len(gc.get_referents(found)) >= 2 * size else list(dict.keys(found))


def may_refer(kind: type) -> bool:
    """Tell whether objects of a type may refer to others."""
    return bool(kind.__flags__ & _HAVE_GC)


def _holders(objects: Iterable[Any]) -> list[Any]:
    known: dict[type, bool] = {}
    found = []
    for one in objects:
        kind = type(one)
        if kind not in known:
            known[kind] = may_refer(kind)
        if known[kind]:
            found.append(one)
    return found


def untracked_holders(objects: Iterable[Any]) -> list[Any]:
    """Return those of the objects that may refer to others and that the garbage collector does not track."""
    return _holders(filterfalse(gc.is_tracked, objects))


def size_of(found: object) -> int:
    """Return an object's own bytes, without what it refers to. No code of the program is run for it."""
    kind = type(found)
    return sys.getsizeof(found) if _sized_by_c(kind) else kind.__basicsize__


def _sized_by_c(kind: type) -> bool:
    method = next((vars(one)["__sizeof__"] for one in kind.__mro__ if "__sizeof__" in vars(one)), None)
    return not isinstance(method, FunctionType)


def sums_by_type(objects: Iterable[Any]) -> dict[str, tuple[int, int]]:
    """Return how many objects of each type there are, and their own bytes."""
    groups: dict[type, list[Any]] = {}
    for one in objects:
        kind = type(one)
        group = groups.get(kind)
        if group is None:
            group = groups[kind] = []
        group.append(one)
    named: dict[str, tuple[int, int]] = {}
    for kind, group in groups.items():
        name, size = name_of_type(kind), _size_of_all(kind, group)
        count, before = named.get(name, (0, 0))
        named[name] = count + len(group), before + size
    return named


def _size_of_all(kind: type, group: list[Any]) -> int:
    if _sized_by_c(kind):
        try:
            return sum(map(sys.getsizeof, group))
        except Exception:  # by a type of C's that is not finished
            return kind.__basicsize__ * len(group)
    return kind.__basicsize__ * len(group)


def name_of_type(kind: type) -> str:
    """Return a type's qualified name, with its module unless that is builtins."""
    module = _MODULE.__get__(kind)
    return kind.__qualname__ if module == "builtins" or not isinstance(module, str) else f"{module}.{kind.__qualname__}"
