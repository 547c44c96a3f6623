"""One action tried: the experiment, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.optimizer.actions import ACTIONS
from groundhog_otel.optimizer.actions.action import Measure
from groundhog_otel.optimizer.effects import effects, errors_of
from groundhog_otel.optimizer.experiment import Compared, compare
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.result import Trial
from groundhog_otel.optimizer.serving import Command
from groundhog_otel.optimizer.suggestions import Suggestion
from groundhog_otel.optimizer.verdict import judge, said
from groundhog_otel.settings import Wanted
from groundhog_otel.settings.actions import spelled

__all__ = ("OnBlock", "control", "together", "tried")

_ALL: Final[tuple[Measure, ...]] = ("p50", "p99", "cpu")

OnBlock = Callable[[int], None]


async def tried(
    command: Command, plan: Plan, suggestion: Suggestion, *, kept: Sequence[Wanted], stop: Stop, on_block: OnBlock
) -> Trial:
    """Return what became of a suggestion, tried on a server that has what was ``kept`` before.

    Raises:
        LoadError: the server without it cannot be started, or has ended.
        StoppedError: ``stop`` was told.
    """
    wanted = suggestion.wanted
    trial = Trial(
        action=str(wanted),
        outcome="not tried",
        why=suggestion.untried or "",
        risk=suggestion.risk,
        finding=suggestion.finding.says if suggestion.finding else "",
        predicted_saving_ms=suggestion.predicted_saving_ms,
    )
    if suggestion.untried is not None:
        return trial
    if wanted in kept:
        return replace(trial, why="it is kept already")
    found = await compare(command, plan, without=kept, changed=[*kept, wanted], stop=stop, on_block=on_block)
    return _judged(trial, found, plan, ACTIONS[wanted.name].promises)


async def together(command: Command, plan: Plan, kept: Sequence[Wanted], *, stop: Stop, on_block: OnBlock) -> Trial:
    """Return what all that was kept does together, beside a server with nothing.

    Raises:
        LoadError: as :func:`tried`.
        StoppedError: as :func:`tried`.
    """
    promised = tuple(one for one in _ALL if any(one in ACTIONS[wanted.name].promises for wanted in kept))
    found = await compare(command, plan, changed=kept, stop=stop, on_block=on_block)
    return _judged(Trial(action=spelled(tuple(kept)), outcome="not tried", why=""), found, plan, promised)


async def control(command: Command, plan: Plan, *, stop: Stop, on_block: OnBlock) -> Trial:
    """Compare the server with itself: what it finds is what this machine finds where there is nothing.

    Raises:
        LoadError: as :func:`tried`.
        StoppedError: as :func:`tried`.
    """
    found = await compare(command, plan, stop=stop, on_block=on_block)
    trial = _judged(Trial(action="control", outcome="not tried", why=""), found, plan, _ALL)
    apart = [one for one in trial.effects if (one.high < 0 or one.low > 0) and abs(one.change) >= plan.relevant]
    words = "two equal servers differ, so this load on this machine cannot tell an action from chance: "
    why = words + "; ".join(map(said, apart)) if apart else "two equal servers do not differ, as it should be"
    return replace(trial, outcome="reverted" if apart else "control", why=why)


def _judged(trial: Trial, found: Compared, plan: Plan, promised: Sequence[Measure]) -> Trial:
    trial = replace(trial, blocks=len(found.blocks), notes=found.notes)
    if found.refused is not None:
        return replace(trial, outcome="refused", why=found.refused)
    if found.died is not None:
        return replace(trial, outcome="reverted", why=f"with it, {found.died}")
    measured, errors = effects(found.blocks, promised=promised, seed=plan.load.seed), errors_of(found.blocks)
    verdict = judge(measured, errors, promised=promised, relevant=plan.relevant, guards=plan.guards)
    return replace(trial, outcome=verdict.decision, why=verdict.why, effects=measured, errors=errors)
