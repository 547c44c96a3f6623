"""What a round takes from an answer: what later steps need, and whether it is what was expected."""

from __future__ import annotations

from typing import Any

from groundhog_otel.load.plan import Step
from groundhog_otel.load.scenarios.expectations import unmet
from groundhog_otel.load.scenarios.paths import ABSENT, find
from groundhog_otel.load.session import Answer

__all__ = ("judged",)


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


def _failed(answer: Answer, detail: str, message: str) -> Answer:
    return Answer(answer.result, "assertion", detail, message, answer.written_ns, answer.read_ns)
