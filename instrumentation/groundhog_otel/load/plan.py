"""What a load test does: who calls what, how often, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from groundhog_otel.load.arrivals import Arrivals

__all__ = ("METHODS", "Expectation", "LoadTestConfig", "Scenario", "Step", "Threshold")

METHODS: Final = (
    "tools/call", "tools/list", "prompts/get", "prompts/list", "resources/read", "resources/list",
    "resources/templates/list", "completion/complete", "ping",
)  # fmt: skip
"""The requests that a step may be."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer has to look like; otherwise the request counts as an error of the class ``assertion``."""

    path: str
    """Where to look in the result, as ``content[0].text`` or ``structuredContent.total``; empty for all of it."""
    test: Literal["equals", "contains", "matches", "exists", "at_most", "at_least"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a scenario."""

    method: str = "tools/call"
    target: str | None = None
    """The tool's or the prompt's name, or the resource's URI."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """May hold ``${name}``: a column of the scenario's data, or what an earlier step has saved."""
    think: float | tuple[float, float] = 0.0
    """Seconds to wait before it: a number, or the bounds of an even distribution."""
    save: Mapping[str, str] = field(default_factory=dict)
    """Names for later steps, and where in the result their values are (a path as in :class:`Expectation`)."""
    expect: tuple[Expectation, ...] = ()
    timeout: float | None = None
    """Seconds; None for the test's."""

    @property
    def name(self) -> str:
        """``{method} {target}``: what its span is called as well."""
        return self.method if self.target is None else f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one user does, from start to end, and then again."""

    name: str
    steps: tuple[Step, ...]
    weight: float = 1.0
    """How often it is chosen, relative to the others."""
    data: tuple[Mapping[str, Any], ...] = ()
    """Rows; each round of the scenario takes the next one, and begins anew after the last."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound that decides whether the test has passed."""

    measure: str
    """``p50`` to ``p99.99`` or ``max`` of the response latency (s), ``error_rate`` (0 to 1), ``rate`` (requests/s that
    were answered without an error)."""
    at: Literal["at_most", "at_least"]
    value: float
    operation: str | None = None
    """Which step, by its name; None for each of them, and with ``rate`` for all of them together."""


@dataclass(frozen=True, slots=True)
class LoadTestConfig:
    """A load test. All times are in seconds."""

    duration: float = 30.0
    """How long requests are started, after the warm-up."""
    concurrent_users: int = 1
    """How many logical clients there are, each with a session of its own.

    Without ``arrivals`` each goes through its scenario again and again (a closed model). With ``arrivals`` the requests
    that are due are spread over them (an open model), whether earlier ones have been answered or not.
    """
    ramp_up_period: float = 0.0
    """Within how long the users start, evenly, one after the other."""
    test_scenarios: tuple[Scenario, ...] = ()
    """None: the tools that the server lists and marks as read-only, with arguments made from their schemas."""
    arrivals: Arrivals | None = None
    """When rounds of a scenario are to start; None for a closed model."""
    warm_up: float = 0.0
    """How long at the beginning is not counted."""
    request_timeout: float = 30.0
    seed: int = 0
    """Of everything that is drawn at random. The same seed and configuration give the same schedule."""
    workers: int = 1
    """Processes that generate the load."""
    thresholds: tuple[Threshold, ...] = ()
    """None: the budgets."""
    unsafe_tools: bool = False
    """Without scenarios: also call tools that are not marked as read-only."""
