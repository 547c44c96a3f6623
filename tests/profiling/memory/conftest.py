"""mcp instrumented, its spans thrown away: spans that are kept would themselves be memory that grows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from groundhog_otel.mcp import McpInstrumentor


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def instrumented() -> Iterator[None]:
    """Spans with ids, which nobody keeps."""
    McpInstrumentor().instrument(
        tracer_provider=TracerProvider(shutdown_on_exit=False), meter_provider=MeterProvider(shutdown_on_exit=False)
    )
    yield
    McpInstrumentor().uninstrument()
