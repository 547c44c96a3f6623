"""Arguments for a tool: drawn from its schema, and held against it before anyone sees them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from jsonschema import validators
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from groundhog_otel.load.generation.values import Unsatisfiable, Values

__all__ = ("Arguments", "Unsatisfiable", "validator")

_ATTEMPTS: Final = 40
_VARIED: Final = 8
"""After so many attempts others are made: without the schema's own examples, with longer strings, with less."""


def validator(schema: Mapping[str, Any]) -> Validator:
    """Return what holds values against ``schema``, by the draft that it names; 2020-12 if it names none.

    It never fetches what the schema refers to.

    Raises:
        SchemaError: it is no JSON schema.
    """
    kind: Any = validators.validator_for(schema, default=validators.Draft202012Validator)
    kind.check_schema(schema)
    checked: Validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
    return checked


class Arguments:
    """Makes arguments for a schema.

    Raises:
        Unsatisfiable: it is no JSON schema.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        try:
            self._check = validator(schema)
        except SchemaError as error:
            raise Unsatisfiable(f"its schema is no JSON schema ({_line(error.message)})") from error

    def draw(self, seed: str) -> dict[str, Any]:
        """Return arguments that the schema allows; the same for the same seed.

        Raises:
            Unsatisfiable: none were found; the message says what was in the way.
        """
        why = "the schema allows no object"
        for attempt in range(_ATTEMPTS):
            # Half of the later attempts have only what is required: less can be wrong with it.
            least = attempt >= _VARIED and attempt % 2 == 0
            random = Random(f"{seed}/{attempt}")  # noqa: S311 - nothing secret
            try:
                found = Values(self._schema, random, attempt=attempt // _VARIED, least=least).draw(self._schema)
                broken: ValidationError | None = best_match(self._check.iter_errors(found))
            except Unsatisfiable as error:
                why = str(error)
                continue
            except (Unresolvable, RecursionError) as error:
                raise Unsatisfiable(f"it refers to what is not in it ({_line(str(error))})") from error
            if broken is not None:
                why = _words(broken)
            elif isinstance(found, dict):
                return found
        raise Unsatisfiable(why)


def _words(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    return f"what was drawn breaks it{f' at {where}' if where else ''}: {_line(error.message)}"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"
