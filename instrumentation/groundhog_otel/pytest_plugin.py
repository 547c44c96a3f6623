"""The pytest fixture ``mcp_telemetry``.

Every pytest run in an environment with this package loads this module, so it stands alone and imports nothing until
the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from groundhog_otel.testing import Capture

__all__ = ("mcp_telemetry",)


@pytest.fixture
def mcp_telemetry() -> Iterator[Capture]:
    """Everything that MCP traces and measures during the test, as ``groundhog_otel.testing.capture()`` gives it."""
    from groundhog_otel.testing import capture  # noqa: PLC0415 - it loads the SDK

    with capture() as captured:
        yield captured
