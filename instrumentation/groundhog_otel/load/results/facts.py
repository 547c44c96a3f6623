"""A configuration as a result tells it: what makes two tests the same, and no values of arguments or data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step

__all__ = ("config_facts",)


def config_facts(config: LoadTestConfig) -> Mapping[str, Any]:
    """Return a configuration as JSON."""
    return {
        "duration": config.duration,
        "concurrent_users": config.concurrent_users,
        "ramp_up_period": config.ramp_up_period,
        "warm_up": config.warm_up,
        "request_timeout": config.request_timeout,
        "seed": config.seed,
        "workers": config.workers,
        "arrivals": None if config.arrivals is None else dict(config.arrivals.as_dict()),
        "test_scenarios": [_scenario(one) for one in config.test_scenarios],
        "thresholds": [asdict(one) for one in config.thresholds],
        "unsafe_tools": config.unsafe_tools,
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    steps = [_step(step) for step in scenario.steps]
    return {"name": scenario.name, "weight": scenario.weight, "rows": len(scenario.data), "steps": steps}


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "arguments": sorted(step.arguments),
        "think": list(step.think) if isinstance(step.think, tuple) else step.think,
        "timeout": step.timeout,
        "expectations": len(step.expect),
    }
