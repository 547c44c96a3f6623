"""From findings to actions: what might help, and what is not to be tried without being asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groundhog_otel.analysis.finding import Finding
from groundhog_otel.optimizer.actions import ACTIONS, ActionError, made
from groundhog_otel.settings import Wanted

__all__ = ("Suggestion", "suggested")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An action that might help."""

    wanted: Wanted
    risk: str = ""
    finding: Finding | None = None
    """Why it is suggested; None when a user has asked for it."""
    predicted_saving_ms: float | None = None
    """Of the mean latency of all operations, in milliseconds."""
    untried: str | None = None
    """Why it is not tried, as a clause."""


def suggested(findings: Iterable[Finding], asked: Sequence[Wanted] = (), *, operations: int) -> tuple[Suggestion, ...]:
    """Return what findings suggest, the largest saving first; or what a user has ``asked`` for, and nothing else.

    ``operations`` is how many there were in the recording that the findings are about.
    """
    by_action: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.action is not None:
            by_action.setdefault(str(Wanted(finding.action, finding.parameters)), []).append(finding)
    if asked:
        return tuple(_suggestion(one, _about(one, by_action), operations, asked=True) for one in asked)
    found = [
        _suggestion(Wanted(own[0].action or "", own[0].parameters), own, operations, asked=False)
        for own in by_action.values()
    ]
    return tuple(sorted(found, key=lambda one: -(one.predicted_saving_ms or 0.0)))


def _about(asked: Wanted, by_action: dict[str, list[Finding]]) -> list[Finding]:
    """Return the findings that suggest what is asked for, perhaps with parameters of its own beside theirs."""
    return [
        one
        for own in by_action.values()
        for one in own
        if one.action == asked.name and one.parameters.get("tool") == asked.parameters.get("tool")
    ]


def _suggestion(wanted: Wanted, findings: list[Finding], operations: int, *, asked: bool) -> Suggestion:
    first = findings[0] if findings else None
    try:
        action = made(wanted)
    except ActionError as error:
        return Suggestion(wanted, finding=first, untried=str(error))
    kind = ACTIONS[wanted.name]
    predicted = sum(kind.predicted_saving_ms(one.impact_ms, one.affected, operations) for one in findings)
    untried = action.unproven
    if untried is None and action.opt_in and not asked:
        untried = f"{action.risk} risk: ask for it, with --actions {wanted}"
    return Suggestion(wanted, action.risk, first, predicted if findings else None, untried)
