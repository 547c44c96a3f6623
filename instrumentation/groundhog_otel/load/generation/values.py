"""Values for JSON schemas.

Supported: type, enum, const, default, examples, properties, required, additionalProperties, minProperties,
dependentRequired, items, prefixItems, minItems, maxItems, uniqueItems, minimum, maximum, exclusiveMinimum,
exclusiveMaximum, multipleOf, minLength, maxLength, pattern, format, $ref within the schema, anyOf, oneOf, allOf.
Not supported, but held against what was drawn: not, if, then, else, contains, patternProperties, propertyNames,
dependentSchemas, unevaluated*; $dynamicRef and references to other documents are never followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, Final

from groundhog_otel.load.generation.merging import combined
from groundhog_otel.load.generation.numbers import number
from groundhog_otel.load.generation.references import ENDLESS, whole
from groundhog_otel.load.generation.strings import text

__all__ = ("Unsatisfiable", "Values")

_DEEP: Final = 5
"""From here on only what is required."""
_TOO_DEEP: Final = 40


class Unsatisfiable(Exception):  # noqa: N818 - a schema is, not the program
    """No value is drawn for a schema. The message says why."""


class Values:
    """Draws values for one schema and what it refers to."""

    def __init__(self, root: Mapping[str, Any], rng: Random, *, attempt: int = 0, least: bool = False) -> None:
        self._root = root
        self._rng = rng
        self._attempt = attempt
        self._least = least

    def draw(self, schema: Any, depth: int = 0) -> Any:
        """Return a value that is meant for ``schema``.

        Raises:
            Unsatisfiable: there is none, or something is not supported.
        """
        schema = self._whole(schema)
        if depth > _TOO_DEEP or schema is False:
            raise Unsatisfiable("the schema allows nothing" if schema is False else ENDLESS)
        if not isinstance(schema, Mapping):
            return self._rng.choice(("any", 1, True))
        if "const" in schema:
            return schema["const"]
        if (given := self._given(schema)) is not None:
            return given[0]
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                rest = {name: value for name, value in schema.items() if name != key}
                return self._one_of(list(schema[key]), rest, depth)
        return self._of_type(schema, depth)

    def _given(self, schema: Mapping[str, Any]) -> tuple[Any] | None:
        """Return what the schema gives itself: one of its enum, an example, the default; boxed, for it may be null."""
        if schema.get("enum"):
            return (self._rng.choice(schema["enum"]),)
        examples = schema.get("examples")
        if isinstance(examples, list) and examples and self._attempt < 2:
            return (self._rng.choice(examples),)
        if schema.get("default") is not None and self._attempt < 2:
            return (schema["default"],)
        return None

    def _one_of(self, options: list[Any], rest: Mapping[str, Any], depth: int) -> Any:
        """Draw for one of several schemas; near the top for another one, where nothing can be drawn for that."""
        while True:
            option = self._option(options, depth)
            try:
                return self.draw(combined(rest, self._whole(option)), depth + 1)
            except Unsatisfiable:
                options = [one for one in options if one is not option]
                if not options or depth >= _DEEP:
                    raise

    def _option(self, options: list[Any], depth: int) -> Any:
        """Return one of several schemas: at first something rather than null, and deep down rather what ends."""
        worth = [one for one in options if not (isinstance(one, Mapping) and one.get("type") == "null")]
        if not worth or self._attempt > 0:
            worth = options
        if depth >= _DEEP:
            simple = [
                one for one in options if not (isinstance(one, Mapping) and {"$ref", "properties", "items"} & set(one))
            ]
            worth = simple or worth
        return self._rng.choice(worth)

    def _whole(self, schema: Any) -> Any:
        try:
            return whole(schema, self._root)
        except ValueError as error:
            raise Unsatisfiable(str(error)) from error

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self._rng.choice([one for one in kind if one != "null"] or ["null"])
        kind = kind or _implied(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number", "string"):
            try:
                if kind == "string":
                    return text(schema, self._rng, self._attempt)
                return number(schema, self._rng, whole=kind == "integer")
            except ValueError as error:
                raise Unsatisfiable(str(error)) from error
        if kind == "boolean":
            return self._rng.random() < 0.5
        if kind == "null":
            return None
        raise Unsatisfiable(f"there is no type {kind!r}")

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        wanted = dict.fromkeys(schema.get("required") or ())
        optional = [name for name in properties if name not in wanted and properties[name] is not False]
        lacking = max(0, int(schema.get("minProperties", 0)) - len(wanted))
        if self._least or depth >= _DEEP:
            optional = optional[:lacking]
        else:
            kept = [name for name in optional if self._rng.random() < 0.5]
            optional = kept if len(kept) >= lacking else optional[:lacking]
        most = schema.get("maxProperties")
        if most is not None:
            optional = optional[: max(0, int(most) - len(wanted))]
        wanted.update(dict.fromkeys(optional))
        for name, others in (schema.get("dependentRequired") or {}).items():
            if name in wanted:
                wanted.update(dict.fromkeys(others))
        more = schema.get("additionalProperties", True)
        for index in range(max(0, int(schema.get("minProperties", 0)) - len(wanted))):
            wanted[f"key{index + 1}"] = None
        return {name: self.draw(properties.get(name, more), depth + 1) for name in wanted}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        first = list(schema.get("prefixItems") or ())
        rest = schema.get("items", True)
        if isinstance(rest, list):  # the way of drafts before 2020-12
            first, rest = rest, schema.get("additionalItems", True)
        least = int(schema.get("minItems", 0))
        wanted = max(least, len(first), 0 if self._least or depth >= _DEEP else self._rng.randint(1, 3))
        most = min(int(schema.get("maxItems", wanted)), len(first) if rest is False else wanted)
        if most < least:
            raise Unsatisfiable(f"no list has at least {least} and at most {most} items")
        found: list[Any] = []
        for index in range(min(wanted, most)):
            one = self.draw(first[index] if index < len(first) else rest, depth + 1)
            for _ in range(50):
                if not schema.get("uniqueItems") or not _in(one, found):
                    break
                one = self.draw(first[index] if index < len(first) else rest, depth + 1)
            if schema.get("uniqueItems") and _in(one, found):
                break
            found.append(one)
        return found


def _implied(schema: Mapping[str, Any]) -> str:
    """Return the type that the other words of a schema are about."""
    for kind, words in (
        ("object", ("properties", "required", "additionalProperties", "minProperties")),
        ("array", ("items", "prefixItems", "minItems", "maxItems")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    ):
        if any(word in schema for word in words):
            return kind
    return "string"


def _in(one: Any, others: Iterable[Any]) -> bool:
    return any(one == other and isinstance(one, bool) == isinstance(other, bool) for other in others)
