"""When the rounds of an open-model load test are to start: pure generators of times, drawn from a seed."""

from __future__ import annotations

from groundhog_otel.load.arrivals.protocol import Arrivals
from groundhog_otel.load.arrivals.schedules import Constant, Poisson, Ramp, Replay, Spike, Steps
from groundhog_otel.load.arrivals.words import parse

__all__ = ("Arrivals", "Constant", "Poisson", "Ramp", "Replay", "Spike", "Steps", "parse")
