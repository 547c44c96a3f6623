"""Whether an action is kept: what it promised is proven, and nothing else suffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from groundhog_otel.optimizer.effects import Effect, Errors
from groundhog_otel.report.units import share

__all__ = ("GUARDS", "Decision", "Guards", "Verdict", "judge", "said")

Decision = Literal["kept", "reverted", "refused"]
"""``reverted``: something suffered. ``refused``: nothing was gained, or it could not be applied."""
GUARDS: Final[Mapping[str, float]] = {"p50": 0.05, "p99": 0.05, "cpu": 0.25, "memory": 0.10}
_OF_ONE: Final = 0.10
_CHANCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Guards:
    """From which increase on a measure suffers, as a share; less does not matter, however certain it is."""

    most: Mapping[str, float] = field(default_factory=lambda: dict(GUARDS))

    def of(self, measure: str) -> float | None:
        """Return it; None for what is not guarded. The p99 of each operation is, from a tenth on."""
        return self.most.get(measure, _OF_ONE if measure.startswith("p99 of ") else None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an action, and why: a clause."""

    decision: Decision
    why: str


def judge(
    effects: Sequence[Effect],
    errors: Errors,
    *,
    promised: Sequence[str],
    relevant: float = 0.05,
    guards: Guards | None = None,
) -> Verdict:
    """Return the verdict.

    An action is kept when the interval of a promised measure excludes no change and the measure is less by at least
    ``relevant`` (a share), unless something suffers: a measure whose interval excludes no change and that is more by at
    least what :class:`Guards` says, or requests that fail oftener than chance explains.
    """
    suffering = list(_suffering(effects, errors, guards or Guards()))
    if suffering:
        return Verdict("reverted", "; ".join(suffering))
    own = [one for one in effects if one.measure in promised]
    gained = [one for one in own if one.high < 0 and one.change <= -relevant]
    if gained:
        return Verdict("kept", "; ".join(map(said, gained)))
    if not own:
        return Verdict("refused", "there were too few requests to tell anything: let blocks be longer")
    return Verdict("refused", f"no improvement is proven: {'; '.join(map(said, own))}")


def said(effect: Effect) -> str:
    """Return ``p50 -34 % (-40 % to -28 %)``."""
    return f"{effect.measure} {_signed(effect.change)} ({_signed(effect.low)} to {_signed(effect.high)})"


def _suffering(effects: Sequence[Effect], errors: Errors, guards: Guards) -> Iterator[str]:
    if errors.p < _CHANCE:
        before, now = (
            bad / max(of, 1) for bad, of in ((errors.without, errors.of_without), (errors.changed, errors.of_changed))
        )
        yield f"{share(now)} of requests fail with it, {share(before)} without"
    for effect in effects:
        most = guards.of(effect.measure)
        if most is not None and effect.low > 0 and effect.change >= most:
            yield f"{effect.measure} suffers: {said(effect)}"


def _signed(part: float) -> str:
    return f"{part:+.0%}".replace("%", " %")
