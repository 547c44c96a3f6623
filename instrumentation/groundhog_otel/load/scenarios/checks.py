"""Scenarios, held against the server that they are for, before the test starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.generation.arguments import validator
from groundhog_otel.load.listing import listed
from groundhog_otel.load.plan import Scenario, Step
from groundhog_otel.load.scenarios.sense import nearest
from groundhog_otel.load.scenarios.templates import fill, names
from groundhog_otel.load.session import Session

__all__ = ("check",)

_ROWS: Final = 1000
"""How many rows of data are tried."""
_UNKNOWN: Final = "\0unknown\0"
"""Stands for what is only known during the test."""


async def check(scenarios: tuple[Scenario, ...], session: Session) -> None:
    """Hold every step against what the server lists.

    Raises:
        LoadError: a tool, prompt or resource is not there, or arguments break a schema; one sentence.
    """
    called = {step.method for scenario in scenarios for step in scenario.steps}
    if "ping" in called and session.server.protocol_version >= "2026-07-28":
        raise LoadError("ping is no request of 2026-07-28: leave it away, or choose the protocol handshake")
    tools: dict[str, Validator | None] = {}
    if "tools/call" in called:
        for tool in await session.tools():
            try:
                tools[tool.name] = validator(tool.schema)
            except SchemaError:
                tools[tool.name] = None  # the server's own fault: it has to judge the arguments by itself
    prompts: dict[str, Mapping[str, Any]] = {}
    if "prompts/get" in called:
        prompts = {str(prompt["name"]): prompt for prompt in await listed(session, "prompts/list", "prompts")}
    resources: list[str] = []
    templates: list[str] = []
    if "resources/read" in called:
        resources = [str(one["uri"]) for one in await listed(session, "resources/list", "resources")]
        found = await listed(session, "resources/templates/list", "resourceTemplates")
        templates = [str(one["uriTemplate"]) for one in found]
    for scenario in scenarios:
        for number, step in enumerate(scenario.steps, 1):
            fault = None
            if step.method == "tools/call":
                fault = _of_tool(step, scenario, tools)
            elif step.method == "prompts/get":
                fault = _of_prompt(step, prompts)
            elif step.method == "resources/read":
                fault = _of_resource(step, resources, templates)
            if fault is not None:
                raise LoadError(f"Scenario {scenario.name!r}, step {number}: {fault}")


def _of_tool(step: Step, scenario: Scenario, tools: Mapping[str, Validator | None]) -> str | None:
    name = step.target or ""
    if "${" in name:
        return None
    if name not in tools:
        return f"the server has no tool {name!r}; {nearest(name, list(tools))}"
    schema = tools[name]
    for number, row in enumerate(scenario.data[:_ROWS] or ({},), 1):
        known = {one: _UNKNOWN for one in names(step.arguments) if not one.startswith("env:")} | dict(row)
        filled = fill(step.arguments, known)
        error = _broken(schema, filled) if schema is not None else None
        if error is not None:
            where = ".".join(str(part) for part in error.absolute_path)
            at = f" at {where}" if where else ""
            of = f" with row {number} of the data" if scenario.data else ""
            return f"the arguments break the schema of {name}{at}{of}: {_hint(error)}"
    return None


def _broken(schema: Validator, arguments: Any) -> ValidationError | None:
    """Return the worst error of arguments, but for those that are about what is not known yet."""
    try:
        errors = [error for error in schema.iter_errors(arguments) if not _about_unknown(error)]
        worst: ValidationError | None = best_match(errors)
        return worst
    except Unresolvable:
        return None


def _about_unknown(error: ValidationError) -> bool:
    if error.validator in ("required", "additionalProperties", "dependentRequired", "minProperties", "maxProperties"):
        return False
    return _holds_unknown(error.instance)


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, str):
        return _UNKNOWN in value
    if isinstance(value, Mapping):
        return any(_holds_unknown(one) for one in value.values())
    return isinstance(value, list) and any(_holds_unknown(one) for one in value)


def _hint(error: ValidationError) -> str:
    message = " ".join(error.message.split())
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(error.schema.get("properties", ())) if isinstance(error.schema, Mapping) else []
        for name in error.instance:
            if name not in known:
                return f"it has no argument {name!r}; {nearest(name, known)}"
    if error.validator == "required" and isinstance(error.instance, Mapping) and isinstance(error.schema, Mapping):
        known = list(error.schema.get("properties", ()))
        missing = next((name for name in error.schema["required"] if name not in error.instance), "")
        strange = get_close_matches(missing, [name for name in error.instance if name not in known], 1)
        return f"{missing!r} is missing: " + (f"write it in place of {strange[0]!r}" if strange else "add it")
    return message if len(message) <= 160 else f"{message[:159]}…"


def _of_prompt(step: Step, prompts: Mapping[str, Mapping[str, Any]]) -> str | None:
    name = step.target or ""
    if "${" in name:
        return None
    if name not in prompts:
        return f"the server has no prompt {name!r}; {nearest(name, list(prompts))}"
    declared = prompts[name].get("arguments") or ()
    for argument in declared:
        if argument.get("required") and argument["name"] not in step.arguments:
            return f"the prompt {name} needs the argument {argument['name']!r}: add it"
    return None


def _of_resource(step: Step, resources: list[str], templates: list[str]) -> str | None:
    uri = step.target or ""
    if "${" in uri or uri in resources or any(_fits(template, uri) for template in templates):
        return None
    return f"the server lists no resource {uri!r}, and no template that it fits; {nearest(uri, resources + templates)}"


def _fits(template: str, uri: str) -> bool:
    """Tell whether a URI may be made of a template (RFC 6570), expressions taken for anything."""
    parts = re.split(r"\{[^{}]*\}", template)
    return re.fullmatch(".*".join(re.escape(part) for part in parts), uri) is not None
