"""The pytest fixture ``mcp_telemetry``, and what a latency over its budget reads like.

Every pytest run in an environment with this package loads this module, so it stands alone and imports nothing until
the fixture is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from groundhog_otel.testing import Capture

__all__ = ("mcp_telemetry", "pytest_assertrepr_compare")


@pytest.fixture
def mcp_telemetry() -> Iterator[Capture]:
    """Everything that MCP traces and measures during the test, as ``groundhog_otel.testing.capture()`` gives it."""
    from groundhog_otel.testing import capture  # noqa: PLC0415 - it loads the SDK

    with capture() as captured:
        yield captured


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Return a sentence for ``assert latency < budget``: how long it took, and by how much too long."""
    module = sys.modules.get("groundhog_otel.monitor.latency")
    if module is None or not isinstance(left, module.Latency):
        return None
    return [module.compared(left, op, right)]
