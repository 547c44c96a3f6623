"""What is wrong with a scenario by itself, whichever server it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from groundhog_otel.load.plan import METHODS, Expectation, Scenario, Step
from groundhog_otel.load.scenarios.expectations import TESTS
from groundhog_otel.load.scenarios.paths import parse
from groundhog_otel.load.scenarios.templates import names
from groundhog_otel.settings import variable

__all__ = ("Fault", "faults", "nearest")

_TARGETED = {
    "tools/call": "tool",
    "prompts/get": "prompt",
    "resources/read": "resource",
    "completion/complete": "target",
}


class Fault(NamedTuple):
    """Something that is wrong."""

    step: int | None
    """Which step, from 0 on; None for the scenario."""
    message: str


def nearest(name: str, known: Iterator[str] | tuple[str, ...] | list[str]) -> str:
    """Return the words that lead from a wrong name to a right one."""
    every = list(known)
    near = get_close_matches(name, every, 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there is {', '.join(sorted(every)[:8])}" if every else "there is none"


def faults(scenario: Scenario) -> Iterator[Fault]:
    """Yield what is wrong with a scenario, in the order of its steps."""
    if not scenario.name:
        yield Fault(None, "it has no name: give it one")
    if not _number(scenario.weight) or scenario.weight <= 0:
        yield Fault(None, f"its weight is {scenario.weight!r}: write a number above 0")
    if not scenario.steps:
        yield Fault(None, "it has no steps: add one")
    columns = set(scenario.data[0]) if scenario.data else set()
    for row in scenario.data:
        columns &= set(row)
    known = columns
    for index, step in enumerate(scenario.steps):
        for message in _of_step(step, known):
            yield Fault(index, message)
        known = known | set(step.save)


def _of_step(step: Step, known: set[str]) -> Iterator[str]:
    if step.method not in METHODS:
        yield f"there is no method {step.method!r}: {nearest(step.method, METHODS)}"
        return
    what = _TARGETED.get(step.method)
    if what is not None and not step.target:
        yield f"{step.method} needs a {what}: name it"
    low, high = step.think if isinstance(step.think, tuple) and len(step.think) == 2 else (step.think, step.think)
    if not (_number(low) and _number(high) and 0 <= low <= high):
        yield f"think is {step.think!r}: write seconds, or [least, most]"
    if step.timeout is not None and not (_number(step.timeout) and step.timeout > 0):
        yield f"timeout is {step.timeout!r}: write seconds above 0"
    for name in names([step.target, step.arguments]):
        if name.startswith("env:"):
            if variable(name.removeprefix("env:")) is None:
                yield f"the environment variable {name.removeprefix('env:')} is not set: set it"
        elif name not in known:
            fix = nearest(name, sorted(known)) if known else "give data with that column, or save it"
            yield f"${{{name}}} is no column of the data, and no earlier step saves it: {fix}"
    for name, path in step.save.items():
        yield from _of_path(path, f"save {name}")
    for expectation in step.expect:
        yield from _of_expectation(expectation)


def _of_expectation(expectation: Expectation) -> Iterator[str]:
    yield from _of_path(expectation.path, "expect")
    test, value = expectation.test, expectation.value
    if test not in TESTS:
        yield f"there is no test {test!r}: {nearest(test, TESTS)}"
    elif test in ("at_most", "at_least") and not _number(value):
        yield f"{test} compares numbers, and {value!r} is none: write one"
    elif test == "matches":
        try:
            re.compile(str(value))
        except re.error as error:
            yield f"{value!r} is no regular expression ({error}): mend it"


def _of_path(path: Any, where: str) -> Iterator[str]:
    try:
        parse(str(path))
    except ValueError as error:
        yield f"{where}: {error}"


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
