"""Values in protobuf's JSON mapping, as OTLP has them: lenient where writers differ, strict where sense ends.

64-bit integers are taken as strings or numbers, and enums as numbers or names.
"""

from __future__ import annotations

import json
import math
import string
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from groundhog_otel.store.model import Value

__all__ = (
    "MalformedError",
    "attributes_of",
    "choice",
    "identifier",
    "integer",
    "items",
    "mapping",
    "number",
    "parent",
    "parse",
    "text",
)

_HEX: Final = frozenset(string.hexdigits)
_UINT64: Final = 2**64

T = TypeVar("T", bound=str)


class MalformedError(ValueError):
    """A line is not what it should be; all of it is left out."""


def parse(line: bytes) -> dict[str, Any]:
    """Return the message on a line."""
    try:
        return mapping(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from None


def number(raw: dict[str, Any]) -> float | None:
    """Return a point's value; None when it has none, or none that can be reckoned with."""
    value = raw.get("asDouble", raw.get("asInt"))
    if value is None or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (ValueError, TypeError, OverflowError):
        raise MalformedError(f"{value!r:.40} is not a number") from None
    return found if math.isfinite(found) else None


def attributes_of(owner: dict[str, Any]) -> dict[str, Value]:
    """Return the attributes of a resource, a span, an event or a point."""
    return {text(pair.get("key")): _value(mapping(pair.get("value"))) for pair in items(owner, "attributes")}


def _value(raw: dict[str, Any]) -> Value:
    for kind, value in raw.items():
        if kind in ("stringValue", "boolValue", "bytesValue", "doubleValue"):
            return value if isinstance(value, str | bool | int | float) else None
        if kind == "intValue":
            return integer(value, least=-(2**63))
        if kind == "arrayValue":
            return tuple(_value(item) for item in items(mapping(value), "values"))
    return None


def items(owner: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the messages of a repeated field."""
    raw = owner.get(key) or []
    if not isinstance(raw, list):
        raise MalformedError(f"{key} is not a list")
    return [mapping(item) for item in raw]


def mapping(raw: object) -> dict[str, Any]:
    """Return a message; an empty one for none."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise MalformedError("an object was expected")
    return raw


def text(raw: object) -> str:
    """Return a text; an empty one for what is none."""
    return raw if isinstance(raw, str) else ""


def integer(raw: object, *, least: int = 0) -> int:
    """Return a 64-bit integer, unsigned unless ``least`` says otherwise."""
    try:
        found = int(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else -_UINT64
    except ValueError:
        found = -_UINT64
    if not least <= found < _UINT64:
        raise MalformedError(f"{raw!r:.40} is not a 64-bit integer")
    return found


def identifier(raw: object, digits: int) -> str:
    """Return the id of a trace (32 ``digits``) or of a span (16)."""
    if not isinstance(raw, str) or len(raw) != digits or not _HEX.issuperset(raw):
        raise MalformedError(f"{raw!r:.40} is not an id of {digits} hexadecimal digits")
    return raw.lower()


def parent(raw: object) -> str | None:
    """Return the id of a parent span; None where there is none."""
    return identifier(raw, 16) if raw and raw != "0" * 16 else None


def choice(raw: object, choices: Sequence[T], prefix: str) -> T:
    """Return what an enum's number or name stands for; the first choice for one that is not known."""
    if isinstance(raw, int):
        return choices[raw] if 0 <= raw < len(choices) else choices[0]
    name = text(raw).removeprefix(prefix).lower()
    return next((one for one in choices if one == name), choices[0])
