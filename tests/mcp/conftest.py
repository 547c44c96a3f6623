from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.telemetry import Capture, capturing


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def capture() -> Iterator[Capture]:
    with capturing() as found:
        yield found
