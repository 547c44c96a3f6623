"""The same as JSON, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from groundhog_otel.optimizer.baseline import Baseline
from groundhog_otel.optimizer.result import OptimizationResult, Trial

__all__ = ("as_json", "trial_as_json")


def as_json(result: OptimizationResult, baseline: Baseline | None = None) -> dict[str, Any]:
    """Return it. Times are in seconds unless their names say otherwise."""
    return {
        "verdict": "nothing helps" if result.line is None else "improved",
        "line": result.line,
        "actions": result.actions,
        "resource_savings": dict(result.resource_savings),
        "performance_impact": {name: _effect(asdict(one)) for name, one in result.performance_impact.items()},
        "trials": [trial_as_json(one) for one in result.trials],
        "findings": [asdict(one) | {"total_ms": one.total_ms} for one in result.findings],
        "baseline": None if baseline is None else str(baseline.folder),
    }


def trial_as_json(trial: Trial) -> dict[str, Any]:
    """Return one trial."""
    found = asdict(trial) | {"measured_saving_ms": trial.measured_saving_ms}
    return found | {"effects": [_effect(one) for one in found["effects"]]}


def _effect(effect: dict[str, Any]) -> dict[str, Any]:
    return effect | {"change": effect["changed"] / effect["without"] - 1 if effect["without"] else 0.0}
