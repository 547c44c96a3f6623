"""Are the attributes those of the table, of its types and values, there when they must be and only when they may be?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from groundhog_otel.testing.conventions import MCP, Facts, Row
from groundhog_otel.testing.violation import Violation

__all__ = ("check_attributes",)


def check_attributes(signal: str, where: str, facts: Facts, *, opt_in: Collection[str]) -> Iterator[Violation]:
    """Yield what is wrong with the attributes of one span, or of one point of a metric."""
    rows = MCP.rows_on(signal)
    for name, row in rows.items():
        if name not in facts.attributes and row.is_required(facts):
            yield Violation(where, name, f"is missing ({row.level})", row.rule, f"set {name}")
    for name, value in facts.attributes.items():
        found = rows.get(name)
        if found is not None:
            yield from _check_value(found, value, where, facts, opt_in)
        elif not MCP.is_other(name):
            yield Violation(
                where,
                name,
                "is not an attribute of this signal",
                "Only what the conventions list; what is one's own has a namespace of its own.",
                f"remove {name}, or allow it with ignore=[{name!r}]",
            )


def _check_value(row: Row, value: Any, where: str, facts: Facts, opt_in: Collection[str]) -> Iterator[Violation]:
    def violation(problem: str, fix: str) -> Violation:
        return Violation(where, row.name, problem, row.rule, fix)

    if row.level == "opt_in" and row.name not in opt_in:
        yield violation("is opt-in", f"do not record {row.name}, or allow it with opt_in=[{row.name!r}]")
    elif not row.is_allowed(facts):
        yield violation(f"does not belong here (it is {value!r})", f"do not set {row.name} here")
    if not _is_of(row.type, value):
        yield violation(f"is {value!r}, of type {type(value).__name__}", f"record it as {row.type}")
    elif row.values and value not in row.values:
        yield violation(f"is {value!r}", f"use one of {', '.join(row.values)}")
    elif value in row.forbidden:
        yield violation(f"is {value!r}", f"do not set {row.name} to that value")
    elif value == "":
        yield violation("is empty", f"leave {row.name} out when there is no value")
    elif row.pattern is not None and not re.fullmatch(row.pattern, value):
        yield violation(f"is {value!r}", f"record it so that it matches {row.pattern}")


def _is_of(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    return kind == "any" or (isinstance(value, int) and not isinstance(value, bool))
