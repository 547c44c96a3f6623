"""The schemas of the conformance server: the forms that it asks its client to fill in, and one with every keyword."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Word(BaseModel):
    """A single answer."""

    response: str = Field(description="User's response")


class Defaults(BaseModel):
    """A default for every primitive type (SEP-1034)."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def titled(*titles: str) -> list[Any]:
    """Return choices that have a title."""
    return [{"const": f"value{number}", "title": title} for number, title in enumerate(titles, 1)]


OPTIONS: list[Any] = ["option1", "option2", "option3"]
TITLES: list[Any] = ["Option One", "Option Two", "Option Three"]


class Enums(BaseModel):
    """Every way to offer a choice (SEP-1330). The names are the conformance package's."""

    untitledSingle: str = Field(json_schema_extra={"enum": OPTIONS})  # noqa: N815
    titledSingle: str = Field(json_schema_extra={"oneOf": titled(*TITLES)})  # noqa: N815
    legacyEnum: str = Field(json_schema_extra={"enum": OPTIONS, "enumNames": TITLES})  # noqa: N815
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": OPTIONS}})  # noqa: N815
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": titled(*TITLES)}})  # noqa: N815


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Every keyword of JSON Schema 2020-12 that must reach the client untouched (SEP-1613, SEP-2106)."""
