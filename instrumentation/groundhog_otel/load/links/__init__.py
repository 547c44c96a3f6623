"""From a load test's requests to their stored traces: spans while it runs, links and a latency budget afterwards."""

from __future__ import annotations

from groundhog_otel.load.links.budget import Budget, latency_budget, middle_half
from groundhog_otel.load.links.finding import Link, find, look_up
from groundhog_otel.load.links.metrics import LoadMetrics
from groundhog_otel.load.links.spans import SpanWriter
from groundhog_otel.load.links.telemetry import Telemetry

__all__ = (
    "Budget",
    "Link",
    "LoadMetrics",
    "SpanWriter",
    "Telemetry",
    "find",
    "latency_budget",
    "look_up",
    "middle_half",
)
