"""What a round fills in, saves and expects: templates, paths into results, assertions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from groundhog_otel.load.plan import Expectation, Step
from groundhog_otel.load.session import Answer

__all__ = ("TemplateError", "fill", "judged")

ABSENT: Final = object()
_NAME: Final = re.compile(r"\$\{([^{}]*)\}")
_PART: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class TemplateError(Exception):
    """A template has no value."""


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Return ``value`` with each ``${name}`` replaced; one that is all of a text keeps its type.

    Raises:
        TemplateError: one has no value.
    """
    if isinstance(value, str):
        if "${" not in value:
            return value
        if (whole := _NAME.fullmatch(value)) is not None:
            return _value(whole[1], values)
        return _NAME.sub(lambda found: str(_value(found[1], values)), value)
    if isinstance(value, Mapping):
        return {key: fill(one, values) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(one, values) for one in value]
    return value


def judged(answer: Answer, step: Step, variables: dict[str, Any]) -> Answer:
    """Return an answer as an assertion error where it is not what its step expects; else save what is to be saved."""
    if answer.error is not None or not (step.expect or step.save):
        return answer
    for expectation in step.expect:
        if (fault := unmet(expectation, answer.result)) is not None:
            return _failed(answer, expectation.path or "result", fault)
    for name, path in step.save.items():
        found = find(answer.result, path)
        if found is ABSENT:
            return _failed(answer, path or "result", f"{path} is not there, and was to be saved as {name}")
        variables[name] = found
    return answer


def find(value: Any, path: str) -> Any:
    """Return what ``path`` leads to in ``value``, or :data:`ABSENT`."""
    for name, index in _PART.findall(path):
        if name and isinstance(value, Mapping) and name in value:
            value = value[name]
        elif index and isinstance(value, (list, tuple)) and int(index) < len(value):
            value = value[int(index)]
        else:
            return ABSENT
    return value


def unmet(expectation: Expectation, result: Mapping[str, Any] | None) -> str | None:
    """Return what is wrong with a result, in one line; None when it is as expected."""
    found = find(result, expectation.path)
    where = expectation.path or "the result"
    if found is ABSENT:
        return f"{where} is not there"
    if _HOLDS[expectation.test](found, expectation.value):
        return None
    return f"{where} is {found!r:.80}, expected {expectation.test.replace('_', ' ')} {expectation.value!r:.80}"


def _failed(answer: Answer, detail: str, message: str) -> Answer:
    return Answer(answer.result, "assertion", detail, message, answer.written_ns, answer.read_ns)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise TemplateError(f"${{{name}}} has no value: no column of the data is called so, and no step has saved it")
    return values[name]


def _compared(found: Any, bound: Any, sign: int) -> bool:
    return isinstance(found, (int, float)) and sign * (found - bound) >= 0


_HOLDS: Final[Mapping[str, Any]] = {
    "equals": lambda found, value: found == value,
    "contains": lambda found, value: value in (found if isinstance(found, (str, list, tuple, Mapping)) else ()),
    "matches": lambda found, value: isinstance(found, str) and re.search(value, found) is not None,
    "exists": lambda _found, _value: True,
    "at_most": lambda found, value: _compared(found, value, -1),
    "at_least": lambda found, value: _compared(found, value, 1),
}
