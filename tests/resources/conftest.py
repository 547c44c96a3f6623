"""An instrumented provider for each test, taken back afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.settings import ResourceSettings
from tests.resources.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    instrumentor = ResourceInstrumentor()
    instrumentor.instrument(meter_provider=found.provider, settings=ResourceSettings(system=True))
    yield found
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    found.provider.shutdown()
    gc.collect()
