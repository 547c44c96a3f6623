from __future__ import annotations

import json
import re
import socket
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from groundhog_otel.load.generation.arguments import Arguments, Unsatisfiable, validator
from groundhog_otel.load.generation.patterns import PatternError, matching

NAMES = st.sampled_from(("alpha", "beta", "gamma", "delta"))
PATTERNS = (
    r"^[a-z]{2,5}$",
    r"^\d{4}-\d{2}$",
    "^(red|green)$",
    r"^[A-Z][\w.-]*@[^@\s]+$",
    "a+b*c?",
    r"^v(\d+\.){2}\d+$",
)
FORMATS = ("date", "date-time", "time", "uuid", "email", "uri", "ipv4", "ipv6", "hostname")
NUMBERS, SPANS = st.integers(-50, 50), st.integers(0, 9)
SCALARS = st.integers() | st.text(max_size=3) | st.none()


def _integer(low: int, span: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": low + span}


def _string(least: int, span: int) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": least + span}


SIMPLE = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {}]),
    st.sampled_from([{"$ref": "#/$defs/shared"}, {"$ref": "#/$defs/tree"}]),
    st.sampled_from([{"type": "string", "pattern": pattern} for pattern in PATTERNS]),
    st.sampled_from([{"type": "string", "format": name} for name in FORMATS]),
    st.builds(_integer, NUMBERS, SPANS),
    st.builds(lambda low: {"type": "integer", "exclusiveMinimum": low, "multipleOf": 5}, NUMBERS),
    st.builds(lambda low: {"type": "number", "minimum": low, "exclusiveMaximum": low + 0.5}, NUMBERS),
    st.builds(_string, st.integers(0, 40), SPANS),
    st.builds(lambda values: {"enum": values}, st.lists(SCALARS, min_size=1, max_size=3)),
    st.builds(lambda value: {"const": value}, SCALARS),
    st.builds(lambda value: {"type": "string", "default": value, "examples": [value]}, st.text(max_size=5)),
)


def _array(items: Any, least: int, span: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": least + span}


def _object(properties: dict[str, Any], closed: bool) -> dict[str, Any]:
    required = sorted(properties)[::2]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": not closed}


def _compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    options = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(_array, inner, st.integers(0, 3), st.integers(0, 3)),
        st.builds(_object, st.dictionaries(NAMES, inner, max_size=4), st.booleans()),
        st.builds(lambda some: {"anyOf": some}, options),
        st.builds(lambda one: {"oneOf": [one, {"type": "array", "maxItems": 0, "minItems": 1}]}, inner),
        st.builds(lambda one: {"allOf": [one]}, inner),
        st.builds(lambda first, rest: {"type": "array", "prefixItems": first, "items": rest}, options, inner),
    )


SCHEMAS = st.builds(
    _object, st.dictionaries(NAMES, st.recursive(SIMPLE, _compound, max_leaves=8), max_size=4), st.booleans()
)
DEFINITIONS = {
    "shared": {"type": "string", "minLength": 3},
    "tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        "required": ["name"],
    },
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, st.integers(0, 1000))
def test_what_is_drawn_is_always_valid_and_the_same_for_the_same_seed(schema: Any, seed: int) -> None:
    schema = {**schema, "$defs": DEFINITIONS}
    made = Arguments(schema)
    found = made.draw(str(seed))
    validator(schema).validate(found)
    assert json.loads(json.dumps(found)) == found
    assert made.draw(str(seed)) == found


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, SCHEMAS, st.integers(0, 20))
def test_two_schemas_at_once_are_met_or_given_up(one: Any, other: Any, seed: int) -> None:
    schema = {"allOf": [one, other], "$defs": DEFINITIONS}
    try:
        found = Arguments(schema).draw(str(seed))
    except Unsatisfiable as error:
        assume(str(error))
        return
    validator(schema).validate(found)


@pytest.mark.parametrize(
    "pattern", [*PATTERNS, r"^\+?[1-9]\d{1,14}$", "^[^a-z]{3}$", r"^#(?:[0-9a-f]{3}){1,2}$", "^$", r"\S\.\w"]
)
def test_strings_match_their_pattern(pattern: str) -> None:
    made = {matching(pattern, Random(number)) for number in range(200)}
    assert all(re.search(pattern, one) for one in made)
    assert len(made) > 1 or pattern == "^$"


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", r"\bword", r"\p{L}", "[a", "(a", "a)", "*a", "a{x}", "\\"])
def test_patterns_that_are_not_supported_are_said(pattern: str) -> None:
    with pytest.raises(PatternError, match="the pattern"):
        matching(pattern, Random(0))


def drawn(schema: Any, seeds: int = 50) -> list[Any]:
    made = Arguments({"type": "object", "properties": {"x": schema}, "required": ["x"]})
    return [made.draw(str(seed))["x"] for seed in range(seeds)]


def test_examples_and_defaults_are_preferred() -> None:
    assert set(drawn({"type": "string", "examples": ["Berlin", "Oslo"]})) == {"Berlin", "Oslo"}
    assert set(drawn({"type": "integer", "default": 7})) == {7}
    assert None not in drawn({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None})
    assert set(drawn({"type": "integer", "default": "wrong", "minimum": 3, "maximum": 3})) == {3}


def test_values_vary_with_the_seed() -> None:
    assert len(set(drawn({"type": "integer"}))) > 10
    assert len(set(drawn({"type": "string"}))) > 5
    optional = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert len({tuple(sorted(Arguments(optional).draw(str(seed)))) for seed in range(50)}) == 4


def test_what_pydantic_writes_is_understood() -> None:
    from pydantic import BaseModel, Field

    class Inner(BaseModel):
        kind: str = Field(pattern="^(a|b)$")
        tags: set[str] = Field(min_length=2)

    class Outer(BaseModel):
        inner: Inner
        more: list[Inner] | None = None
        ratio: float = Field(gt=0, lt=1)
        pair: tuple[int, str]

    made = Arguments(Outer.model_json_schema())
    for seed in range(30):
        Outer.model_validate(made.draw(str(seed)))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "string", "pattern": "(?=a)"}, "the pattern '(?=a)' has a group that is not supported"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no number is between 5 and 4"),
        ({"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 7}, "no multiple of 7"),
        ({"$ref": "https://example.com/schema"}, "refers to another document, 'https://example.com/schema'"),
        ({"$ref": "#/$defs/none"}, "which is not there"),
        ({"$ref": "#/properties/x"}, "contains itself without an end"),
        ({"not": {}}, "what was drawn breaks it at x"),
        (False, "the schema allows nothing"),
        ({"type": "strnig"}, "is no JSON schema"),
    ],
)
def test_a_schema_that_cannot_be_met_says_why(schema: Any, why: str) -> None:
    with pytest.raises(Unsatisfiable) as error:
        drawn(schema, 1)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_is_fetched_for_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_options: Any) -> Any:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", refuse)
    hidden = {"type": "object", "properties": {"x": {"not": {"$ref": "http://127.0.0.1:9/schema"}}}, "required": ["x"]}
    with pytest.raises(Unsatisfiable, match="refers to what is not in it"):
        Arguments(hidden).draw("0")
