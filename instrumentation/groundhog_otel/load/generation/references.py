"""Schemas that refer to others, or are put together of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from groundhog_otel.load.generation.merging import combined

__all__ = ("ENDLESS", "whole")

ENDLESS: Final = "the schema contains itself without an end"
_LONGEST: Final = 40


def whole(schema: Any, root: Mapping[str, Any]) -> Any:
    """Return a schema with its references followed and what all has to hold put together.

    Raises:
        ValueError: one leads nowhere, to another document, or back to itself.
    """
    for _ in range(_LONGEST):
        if not isinstance(schema, Mapping) or not {"$ref", "allOf"} & set(schema):
            return schema
        rest: Any = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        if "$ref" in schema:
            rest = combined(_resolved(schema["$ref"], root), rest)
        for part in schema.get("allOf", ()):
            rest = combined(rest, whole(part, root))
        schema = rest
    raise ValueError(ENDLESS)


def _resolved(reference: Any, root: Mapping[str, Any]) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise ValueError(f"it refers to another document, {reference!r}")
    found: Any = root
    for part in filter(None, reference[1:].split("/")):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            raise ValueError(f"it refers to {reference!r}, which is not there")
    return found
