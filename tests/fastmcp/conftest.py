from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.support.telemetry import Capture, capturing

collect_ignore_glob = [] if find_spec("fastmcp") else ["*"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Callable[[Capture], None]:
    """Send the spans that FastMCP and the SDK make themselves, to the global provider, wherever ours go."""

    def send(capture: Capture) -> None:
        provider = capture.tracer_provider
        telemetry: Any = importlib.import_module("fastmcp.telemetry") if find_spec("fastmcp.telemetry") else None
        if telemetry is not None:
            monkeypatch.setattr(telemetry, "otel_get_tracer", lambda name, version=None: provider.get_tracer(name))
        if find_spec("mcp.shared._otel"):
            sdk: Any = importlib.import_module("mcp.shared._otel")
            monkeypatch.setattr(sdk, "_tracer", provider.get_tracer("mcp-python-sdk"))

    return send


@pytest.fixture
def capture(native: Callable[[Capture], None]) -> Iterator[Capture]:
    with capturing() as found:
        native(found)
        yield found


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep FastMCP's tracebacks of tools that are meant to fail out of the test report."""
    logger = logging.getLogger("fastmcp")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)
