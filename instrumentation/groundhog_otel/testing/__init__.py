"""For the tests of programs that use MCP: what they trace and measure, readable, and held to the conventions.

Loads the OpenTelemetry SDK; nothing else of this package imports this one.
"""

from __future__ import annotations

from groundhog_otel.testing.conformance import assert_conforms, violations
from groundhog_otel.testing.recording import Capture, capture, metrics_of
from groundhog_otel.testing.tree import DEFAULT_ATTRIBUTES, tree
from groundhog_otel.testing.violation import Violation

__all__ = (
    "DEFAULT_ATTRIBUTES",
    "Capture",
    "Violation",
    "assert_conforms",
    "capture",
    "metrics_of",
    "tree",
    "violations",
)
