"""Looking into what goes over the wire: plain mappings in mcp 2.x, models in 1.x."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeGuard

__all__ = ("field", "is_mapping")


@lru_cache(maxsize=256)
def _maps(cls: type) -> bool:
    return issubclass(cls, Mapping)


def is_mapping(thing: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell what ``isinstance(thing, Mapping)`` tells, at a third of its price: we ask several times per message."""
    cls: Any = type(thing)
    return _maps(cls)


def field(thing: Any, name: str) -> Any:
    """Return what a mapping or a model has under ``name``, or None.

    Ask a model only for what it is likely to have: for an attribute that is missing, pydantic takes microseconds.
    """
    return thing.get(name) if is_mapping(thing) else getattr(thing, name, None)
