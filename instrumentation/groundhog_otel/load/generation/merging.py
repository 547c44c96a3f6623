"""Two schemas that both have to hold, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ("combined",)


def combined(one: Any, other: Any) -> Any:
    """Return a schema for what holds both: exact for bounds, types and enums, and for properties part by part.

    Where two words cannot be told as one (two patterns, two formats), the later is taken: what is drawn is held against
    the whole schema anyway.
    """
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping):
        return other
    if not isinstance(other, Mapping):
        return one
    found = dict(one)
    for key, value in other.items():
        found[key] = _BOTH[key](found[key], value) if key in found and key in _BOTH else value
    return found


def _types(one: Any, other: Any) -> Any:
    ones = one if isinstance(one, list) else [one]
    others = other if isinstance(other, list) else [other]
    both = [kind for kind in ones if kind in others]
    if "integer" in ones + others and "number" in ones + others:
        both = [*both, "integer"] if "integer" not in both else both
    return (both[0] if len(both) == 1 else both) or "nothing"


def _properties(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, **{key: combined(one[key], value) if key in one else value for key, value in other.items()}}


_BOTH: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "type": _types,
    "enum": lambda one, other: [value for value in one if value in other],
    "properties": _properties,
    "required": lambda one, other: list(dict.fromkeys([*one, *other])),
    "items": combined,
    "allOf": lambda one, other: [*one, *other],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
