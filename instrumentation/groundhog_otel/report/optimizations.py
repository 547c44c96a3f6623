"""What the optimiser tried: predicted and measured, kept or not. Read from its ledger, a line of JSON each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ("LEDGER", "MEASURES", "Change", "Optimization", "optimizations", "read_ledger")

LEDGER: Final = "optimizations.jsonl"
"""The file's name in the folder of recordings."""
MEASURES: Final = ("p50", "p99", "cpu")


@dataclass(frozen=True, slots=True)
class Change:
    """How one measure changed, with the interval that holds the true change in 95 of 100 trials.

    Changes are relative to what was before: -0.25 is a quarter less. All of these measures are better when smaller.
    """

    delta: float
    low: float
    high: float
    before: float | None = None
    """Seconds (p50, p99: of latency, cpu: of CPU time a call); None when the ledger does not say."""
    after: float | None = None

    @property
    def finding(self) -> str:
        """``better`` or ``worse`` when the interval excludes zero, else ``unchanged``."""
        return "better" if self.high < 0 else "worse" if self.low > 0 else "unchanged"


@dataclass(frozen=True, slots=True)
class Optimization:
    """One trial."""

    name: str
    parameters: Mapping[str, str]
    predicted: float | None
    """The relative change that was expected of the measure it aims at."""
    measured: Mapping[str, Change]
    """By ``p50``, ``p99``, ``cpu``; those that were measured."""
    verdict: str
    """``kept``, ``reverted``, ``refused`` …"""
    reason: str
    at: str
    """ISO 8601."""


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
    """Return plain objects, as the ledger has them, as trials; what is none is passed over."""
    return tuple(_optimization(one) for one in entries if isinstance(one, Mapping) and one.get("name"))


def _optimization(raw: Mapping[str, Any]) -> Optimization:
    measured = _mapping(raw.get("measured"))
    changes = {name: _change(_mapping(measured.get(name))) for name in MEASURES}
    return Optimization(
        name=str(raw["name"]),
        parameters={str(key): str(value) for key, value in _mapping(raw.get("parameters")).items()},
        predicted=_number(raw.get("predicted")),
        measured={name: change for name, change in changes.items() if change is not None},
        verdict=str(raw.get("verdict") or "unknown"),
        reason=str(raw.get("reason") or ""),
        at=str(raw.get("at") or ""),
    )


def _change(raw: Mapping[str, Any]) -> Change | None:
    delta, low, high = (_number(raw.get(name)) for name in ("delta", "low", "high"))
    if delta is None or low is None or high is None:
        return None
    return Change(delta, low, high, _number(raw.get("before")), _number(raw.get("after")))


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    return float(raw)
