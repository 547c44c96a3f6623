"""mcp and the runtime instrumented into one capture, and taken back afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from groundhog_otel.runtime import RuntimeInstrumentor
from groundhog_otel.settings import RuntimeSettings
from tests.resources.collector import Collector
from tests.support.telemetry import Capture, capturing


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture
def capture() -> Iterator[Capture]:
    with capturing() as found:
        instrumentor = RuntimeInstrumentor()
        instrumentor.instrument(meter_provider=found.meter_provider, settings=RuntimeSettings())
        yield found
        instrumentor.uninstrument()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Like ``capture``, with metrics that can be collected more than once."""
    found = Collector()
    instrumentor = RuntimeInstrumentor()
    with capturing():
        instrumentor.instrument(meter_provider=found.provider, settings=RuntimeSettings())
        yield found
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
    found.provider.shutdown()
