"""The variables of modules and classes that hold data: what a ``del`` could be written for."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from groundhog_otel.profiling.memory.heap.objects import may_refer, size_of
from groundhog_otel.profiling.memory.heap.retained import SHARED

__all__ = ("LRU", "Variable", "variables")

LRU: Final = type(functools.lru_cache(lambda: None))
_LARGE_BYTES: Final = 10_000
"""From when on an object that refers to nothing is worth a look."""


@dataclass(slots=True)
class Variable:
    """One or more names of one object."""

    name: str
    module: str
    value: Any
    foreign: bool
    """Whether its module is installed, or the standard library's, rather than the program's own."""
    names: int = 1
    """How many variables refer to it: all of them would have to go."""


def variables() -> list[Variable]:
    """Return each object that variables of modules and classes hold; those of the program's own modules first."""
    found: dict[int, Variable] = {}
    spaces: set[int] = set()
    for module, path, space, foreign in _spaces():
        if id(space) in spaces:
            continue
        spaces.add(id(space))
        for name, value in space.copy().items():
            if not isinstance(name, str) or not _is_data(value) or name.startswith("__"):
                continue
            known = found.get(id(value))
            if known is None:
                found[id(value)] = Variable(f"{path}.{name}", module, value, foreign)
            else:
                known.names += 1
    return list(found.values())


def _spaces() -> Iterator[tuple[str, str, Any, bool]]:
    modules = sorted(sys.modules.copy().items(), key=_foreignness)
    for name, module in modules:
        if not issubclass(type(module), types.ModuleType):
            continue
        space = types.ModuleType.__getattribute__(module, "__dict__")
        foreign = _foreignness((name, module)) > 1
        yield name, name, space, foreign
        for value in tuple(space.values()):
            if issubclass(type(value), type) and type.__dict__["__module__"].__get__(value) == name:
                yield name, f"{name}.{value.__qualname__}", type.__dict__["__dict__"].__get__(value), foreign


def _foreignness(named: tuple[str, Any]) -> int:
    """Return 0 for the main module, 1 for the program's own, 2 for installed ones, 3 for the standard library's."""
    name, module = named
    if name.partition(".")[0] in sys.stdlib_module_names:
        return 3
    if name == "__main__" or not issubclass(type(module), types.ModuleType):
        return 0
    file = types.ModuleType.__getattribute__(module, "__dict__").get("__file__")
    return 2 if isinstance(file, str) and "-packages" in file else 1


def _is_data(value: object) -> bool:
    kind = type(value)
    if kind is LRU:
        return True
    if issubclass(kind, SHARED):
        return False
    return may_refer(kind) or size_of(value) >= _LARGE_BYTES
