"""What the optimiser tried: predicted and measured, kept or not. Read from its ledger, a line of JSON each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ("LEDGER", "MEASURES", "Effect", "Optimization", "optimizations", "read_ledger")

LEDGER: Final = "optimizations.jsonl"
"""The file's name in the folder of recordings."""
MEASURES: Final[Mapping[str, str]] = {
    "mean": "mean latency",
    "p50": "p50",
    "p99": "p99",
    "cpu": "CPU a call",
    "memory": "memory",
}
"""What is shown, and how it is called. All of these are better when smaller."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How one measure differs with an action from how it is without."""

    measure: str
    """One of :data:`MEASURES`."""
    without: float
    """Seconds; of ``memory`` bytes."""
    changed: float
    low: float
    """The interval that holds the true change in 95 of 100 trials, as a share of ``without``: -0.25, a quarter less."""
    high: float

    @property
    def change(self) -> float:
        """As a share of what it was without."""
        return self.changed / self.without - 1 if self.without else 0.0

    @property
    def finding(self) -> str:
        """``better`` or ``worse`` when the interval excludes zero, else ``unchanged``."""
        return "better" if self.high < 0 else "worse" if self.low > 0 else "unchanged"


@dataclass(frozen=True, slots=True)
class Optimization:
    """One trial."""

    action: str
    """As the optimiser writes it: ``limiter:tokens=100``."""
    outcome: str
    """``kept``, ``reverted``, ``refused`` …"""
    why: str
    at: str
    """ISO 8601."""
    predicted_saving_ms: float | None
    """Of the mean latency of all operations; None where nobody has predicted anything."""
    effects: tuple[Effect, ...]
    """In the order of :data:`MEASURES`; empty when it was not tried."""

    @property
    def measured_saving_ms(self) -> float | None:
        """Of the mean latency: what stands beside the prediction."""
        return next(((one.without - one.changed) * 1000 for one in self.effects if one.measure == "mean"), None)


def read_ledger(file: Path) -> tuple[Optimization, ...]:
    """Return the trials in a ledger, in its order; none where there is no such file. Damaged lines are passed over.

    Raises:
        OSError: the file cannot be read.
    """
    if not file.exists():
        return ()
    found: list[Any] = []
    for line in file.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return optimizations(found)


def optimizations(entries: Iterable[Any]) -> tuple[Optimization, ...]:
    """Return the plain objects of a ledger's lines as trials; what is none is passed over."""
    pairs = ((_mapping(one), _mapping(_mapping(one).get("trial"))) for one in entries)
    return tuple(_optimization(entry, trial) for entry, trial in pairs if trial.get("action"))


def _optimization(entry: Mapping[str, Any], trial: Mapping[str, Any]) -> Optimization:
    raw = trial.get("effects")
    effects = [_effect(_mapping(one)) for one in (raw if isinstance(raw, list) else [])]
    order = list(MEASURES)
    return Optimization(
        action=str(trial["action"]),
        outcome=str(trial.get("outcome") or "unknown"),
        why=str(trial.get("why") or ""),
        at=str(entry.get("time") or ""),
        predicted_saving_ms=_number(trial.get("predicted_saving_ms")),
        effects=tuple(sorted((one for one in effects if one is not None), key=lambda one: order.index(one.measure))),
    )


def _effect(raw: Mapping[str, Any]) -> Effect | None:
    measure = raw.get("measure")
    without, changed, low, high = (_number(raw.get(name)) for name in ("without", "changed", "low", "high"))
    if measure not in MEASURES or without is None or changed is None or low is None or high is None:
        return None
    return Effect(str(measure), without, changed, low, high)


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    return float(raw)
