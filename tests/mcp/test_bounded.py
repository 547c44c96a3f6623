from __future__ import annotations

import anyio
import pytest
from opentelemetry.trace import SpanKind

from bench.soak import grown, soak
from groundhog_otel.mcp.inflight import IN_FLIGHT
from tests.support import sdk
from tests.support.telemetry import capturing


@pytest.mark.timeout(240)
def test_memory_stays_flat_over_unknown_tools_cancelled_calls_and_new_sessions() -> None:
    found = anyio.run(soak, 4000, 200.0, 8)
    assert len(found) == 8, f"too slow: {found}"
    # Caches still fill at this length; an operation that is kept, with its span, is more than this.
    assert grown(found) < 600, found
    assert not IN_FLIGHT


def test_unknown_tools_share_a_series() -> None:
    async def call() -> None:
        async with sdk.in_memory(sdk.make_server()) as session:
            for number in range(50):
                await session.call_tool(f"unknown-{number}", {})

    with capturing() as capture:
        anyio.run(call)
        assert len({span.name for span in capture.spans(SpanKind.SERVER)}) >= 50
        for side in ("client", "server"):
            assert len(capture.points(f"mcp.{side}.operation.duration")) < 10
